/** The pickup screen: which numbers are ready, and which soon will be. It runs for days, alone. */

import { BoardHalf } from './board_half.js';
import { t } from './board_words.js';
import { chime, soundIsOn, turnSound } from './chime.js';
import { announcer, fill, h } from './dom.js';
import { BOARD_SILENT_MS, Live } from './live.js';
import { connectionPill } from './pill.js';
import { handedOver, Release } from './release.js';
import { markStale } from './stale.js';

const kitchen = new URLSearchParams(location.search).get('kitchen') ?? 'main';
const announce = announcer();
const ready = new BoardHalf('ready', {
  isNewestFirst: true,
  empty: [t.noneReady, t.noneReadyHint],
});
const preparing = new BoardHalf('preparing', { isNewestFirst: false, empty: [t.nonePreparing] });
const halves = { ready, preparing };
const showPill = connectionPill(document.querySelector('#pill'));
let isFirst = true;

function onEvent(event, data) {
  if (event === 'snapshot') {
    // After a gap, what became ready meanwhile is news all the same.
    const news = isFirst ? [] : data.ready.filter((number) => !ready.has(number));
    preparing.set(data.preparing);
    ready.set(data.ready);
    isFirst = false;
    tell(news);
    return;
  }
  const { number, status } = data;
  for (const [name, half] of Object.entries(halves)) if (name !== status) half.remove(number);
  if (status === 'ready') tell([number]);
  else if (status === 'preparing' && !preparing.has(number)) preparing.add(number);
}

function tell(numbers) {
  if (!numbers.length) return;
  for (const number of numbers) ready.add(number);
  announce(numbers.map((number) => t.nowReady(number)).join('. '));
  chime();
}

/** The data of a snapshot event; null before there was one. */
function snapshot() {
  return isFirst ? null : { preparing: preparing.numbers, ready: [...ready.numbers].reverse() };
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

/** A screen that sleeps shows no numbers. */
async function stayAwake() {
  if (document.hidden) return;
  await navigator.wakeLock?.request('screen').catch(() => {});
}

document.title = `${t.boardTitle} · Brigade`;
fill(document.querySelector('#view'), preparing.element, ready.element);
showTools();
stayAwake();
document.addEventListener('visibilitychange', stayAwake);
const before = handedOver();
if (before) onEvent('snapshot', before);
const release = new Release({ isBusy: () => ready.hasNews, state: snapshot });
new Live(`/board/stream?kitchen=${encodeURIComponent(kitchen)}`, {
  who: '',
  silentMs: BOARD_SILENT_MS,
  events: ['snapshot', 'status'],
  onEvent,
  onFreshness: (freshness) => {
    showPill(freshness);
    markStale(freshness, t.staleNumbers);
  },
  onBack: () => release.check(),
  snapshot,
});
