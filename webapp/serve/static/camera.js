// A picture from the camera; where the browser gives none to this page, the phone's own camera by a file field.
export async function cameraPicture(dialog, video, shoot, cancel, field) {
  if (!navigator.mediaDevices?.getUserMedia) {
    field.click();
    return null;
  }
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", width: { ideal: 1600 } } });
  video.srcObject = stream;
  await video.play();
  dialog.showModal();
  shoot.focus();
  try {
    return await new Promise((done) => {
      shoot.onclick = () => {
        const canvas = document.createElement("canvas");
        canvas.width = video.videoWidth;
        canvas.height = video.videoHeight;
        canvas.getContext("2d").drawImage(video, 0, 0);
        canvas.toBlob(done, "image/jpeg", 0.95);
      };
      cancel.onclick = () => done(null);
      dialog.onclose = () => done(null);
    });
  } finally {
    stream.getTracks().forEach((track) => track.stop());
    if (dialog.open) dialog.close();
  }
}
