/** Two tones of a service bell, made on the spot. Browsers play none before the first touch. */

const KEPT_AS = 'brigade-sound';

let context = null;
let isOn = localStorage.getItem(KEPT_AS) !== 'off';

function wake() {
  context ??= new AudioContext();
  context.resume();
}
addEventListener('pointerdown', wake, { once: true });
addEventListener('keydown', wake, { once: true });

export function soundIsOn() {
  return isOn;
}

export function turnSound(toOn) {
  isOn = toOn;
  localStorage.setItem(KEPT_AS, isOn ? 'on' : 'off');
  if (isOn) chime();
}

export function chime() {
  if (!isOn || context?.state !== 'running') return;
  for (const [index, frequency] of [1319, 1760].entries()) {
    const start = context.currentTime + index * 0.14;
    const volume = context.createGain();
    volume.gain.setValueAtTime(0.0001, start);
    volume.gain.exponentialRampToValueAtTime(0.3, start + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + 0.9);
    const tone = new OscillatorNode(context, { frequency });
    tone.connect(volume).connect(context.destination);
    tone.start(start);
    tone.stop(start + 1);
  }
}
