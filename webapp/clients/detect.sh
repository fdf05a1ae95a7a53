#!/bin/sh
# Finds the objects in a picture with curl:  sh detect.sh photo.jpg [http://127.0.0.1:8080]
# A key, where the service asks for one, comes from the environment variable FASTRCNN_API_KEY.
set -eu
picture=$1
service=${2:-http://127.0.0.1:8080}

# Class names, scores and boxes as JSON. --retry waits when the service is busy (503 with Retry-After).
curl --silent --show-error --fail-with-body --retry 5 \
  ${FASTRCNN_API_KEY:+-H "Authorization: Bearer $FASTRCNN_API_KEY"} \
  -F "image=@$picture" "$service/detect?threshold=0.5"
echo

# The picture with the boxes drawn on it, where a third argument names a file for it.
if [ -n "${3:-}" ]; then
  curl --silent --show-error --fail --retry 5 \
    ${FASTRCNN_API_KEY:+-H "Authorization: Bearer $FASTRCNN_API_KEY"} \
    -H "Accept: image/jpeg" -F "image=@$picture" -o "$3" "$service/detect?threshold=0.5"
fi
