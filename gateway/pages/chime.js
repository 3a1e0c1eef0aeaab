/** Two tones of a service bell, made on the spot. Browsers play none before the first touch. */

const KEPT_AS = 'brigade-sound';
/** Later than this, a chime is for nothing. */
const LATEST_MS = 1_000;
/** Many at once ring as one: together they would be as loud as all of them. */
const APART_MS = 300;

let context = null;
let isWaking = false;
let askedAt = -Infinity;
let rangAt = -Infinity;
let isOn = localStorage.getItem(KEPT_AS) !== 'off';

function wake() {
  context ??= new AudioContext();
  return context.resume();
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
  if (!isOn) return;
  if (context?.state === 'running') {
    ring();
    return;
  }
  askedAt = performance.now();
  // A screen that was touched before it was reloaded may wake by itself; another waits for its
  // first touch, and once is enough to ask: on a wall that may be days.
  if (!isWaking) wakeAndRing();
}

async function wakeAndRing() {
  isWaking = true;
  await wake();
  isWaking = false;
  if (performance.now() - askedAt < LATEST_MS) ring();
}

function ring() {
  if (performance.now() - rangAt < APART_MS) return;
  rangAt = performance.now();
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
