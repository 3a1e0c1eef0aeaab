/** The pickup screen: which numbers are ready, and which soon will be. It runs for days, alone. */

import { BoardHalf } from './board_half.js';
import { t } from './board_words.js';
import { chime, soundIsOn, turnSound } from './chime.js';
import { announcer, fill, h } from './dom.js';
import { BOARD_SILENT_MS, Live } from './live.js';
import { isKitchenUnknown, kitchen, showNoKitchen } from './no_kitchen.js';
import { PauseWatch, pauseWords } from './pause.js';
import { connectionPill } from './pill.js';
import { handedOver, Release } from './release.js';
import { markStale } from './stale.js';

const view = document.querySelector('#view');
const paused = document.querySelector('#paused');
const announce = announcer();
const ready = new BoardHalf('ready', {
  isNewestFirst: true,
  empty: [t.noneReady, t.noneReadyHint],
});
/** Ready by the timer's guess; nobody has looked. */
const guessed = new BoardHalf('guessed', { isNewestFirst: true });
const preparing = new BoardHalf('preparing', { isNewestFirst: false, empty: [t.nonePreparing] });
const showPill = connectionPill(document.querySelector('#pill'));
let isFirst = true;

const isGuess = ({ status, cause }) => status === 'ready' && cause === 'timer';

function onEvent(event, data) {
  if (event === 'snapshot') showAll(data);
  else move(data);
  view.dataset.guesses = !guessed.numbers.length ? 'none' : ready.numbers.length ? 'some' : 'only';
}

function showAll({ tickets = [], ...numbers }) {
  const guesses = new Set(tickets.filter(isGuess).map(({ number }) => number));
  const confirmed = numbers.ready.filter((number) => !guesses.has(number));
  // After a gap, what became ready meanwhile is news all the same.
  const news = isFirst ? [] : confirmed.filter((number) => !ready.has(number));
  preparing.set(numbers.preparing);
  guessed.set(numbers.ready.filter((number) => guesses.has(number)));
  ready.set(confirmed);
  isFirst = false;
  tell(news);
}

function move(ticket) {
  const { number, status } = ticket;
  const half = isGuess(ticket) ? guessed : { ready, preparing }[status];
  for (const other of [ready, guessed, preparing]) if (other !== half) other.remove(number);
  // Whose word it is may be all that changed.
  if (!half || half.has(number)) return;
  if (half === ready) tell([number]);
  else half.add(number);
}

function tell(numbers) {
  if (!numbers.length) return;
  for (const number of numbers) ready.add(number);
  announce(numbers.map((number) => t.nowReady(number)).join('. '));
  chime();
}

/** The data of a snapshot event; null before there was one. */
function snapshot() {
  if (isFirst) return null;
  return {
    preparing: preparing.numbers,
    ready: [...guessed.numbers, ...ready.numbers].reverse(),
    tickets: guessed.numbers.map((number) => ({ number, status: 'ready', cause: 'timer' })),
  };
}

function showTools() {
  fill(
    document.querySelector('#tools'),
    h(
      'button',
      {
        'aria-pressed': String(soundIsOn()),
        data: { key: 'sound' },
        onclick: () => {
          turnSound(!soundIsOn());
          showTools();
        },
      },
      t.sound,
    ),
  );
}

function showPause(pause) {
  const words = pause ? [pauseWords(pause)[0], pause.reason].filter(Boolean).join('. ') : '';
  paused.hidden = !words;
  if (paused.textContent !== words) paused.textContent = words;
}

/** A screen that sleeps shows no numbers. */
async function stayAwake() {
  if (document.hidden) return;
  await navigator.wakeLock?.request('screen').catch(() => {});
}

async function checkKitchen() {
  if (!live.isOpen || !(await isKitchenUnknown()) || !live.isOpen) return;
  live.close();
  document.querySelector('#pill').replaceChildren();
  document.body.classList.remove('is-stale');
  showNoKitchen(view);
}

document.title = `${t.boardTitle} · Brigade`;
fill(view, preparing.element, ready.element, guessed.element);
showTools();
stayAwake();
document.addEventListener('visibilitychange', stayAwake);
const before = handedOver();
if (before) onEvent('snapshot', before);
const release = new Release({ isBusy: () => ready.hasNews, state: snapshot });
const live = new Live(`/board/stream?kitchen=${encodeURIComponent(kitchen)}`, {
  who: '',
  silentMs: BOARD_SILENT_MS,
  events: ['snapshot', 'status'],
  onEvent,
  onFreshness: (freshness) => {
    showPill(freshness);
    markStale(freshness, t.staleNumbers);
  },
  onBack: () => release.check(),
  onUnanswered: () => checkKitchen(),
  snapshot,
});
new PauseWatch(showPause);
