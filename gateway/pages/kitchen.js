/** The cooks' board. What it shows comes from the stream alone: a tap asks, the stream answers. */

import { Aim, AIM_MS } from './aim.js';
import { call, onSessionChange, signOut, whoAmI } from './api.js';
import { chime, soundIsOn, turnSound } from './chime.js';
import { now } from './clock.js';
import { announcer, fill, h, keepFocus, nameDialog, syncChildren } from './dom.js';
import { COLUMNS, isFor, KitchenBoard, lateness } from './kitchen_board.js';
import { kitchenTicket, select } from './kitchen_ticket.js';
import { t } from './kitchen_words.js';
import { BOARD_SILENT_MS, Live } from './live.js';
import { isKitchenUnknown, kitchen, showNoKitchen } from './no_kitchen.js';
import { PauseWatch, pauseWords } from './pause.js';
import { connectionPill } from './pill.js';
import { handedOver, Release } from './release.js';
import { signInForm } from './sign_in.js';
import { markStale } from './stale.js';
import { TakeBack } from './takeback.js';
import { explain } from './words.js';

const CLOCK_MS = 5_000;
/** A tap so soon after the last on the same ticket is the same finger. */
const DOUBLE_TAP_MS = 400;
/** The board stays as it is while fingers go from ticket to ticket, one tap in so long, up to a limit. */
const STILL_MS = 400;
const LONGEST_STILL_MS = 2_000;
/** How long orders are paused, in minutes, unless the cook says another end. */
const PAUSE_MINUTES = 20;
const LONG_PAUSE_MINUTES = 60;
/** So long after a touch somebody is still at work here. */
const HANDS_ON_MS = 20_000;
/** So long the stream may take to tell of what was tapped. */
const ANSWER_MS = 4_000;
const LONGEST_PRESS_MS = 1_000;
/** So long after the finger was lifted its tap is told at the latest. */
const CLICK_MS = 100;
const TAPS = { queued: 'start', preparing: 'ready' };
/** The statuses that a cook's tap gives, or the timer in the cook's place. */
const TAPPED = ['preparing', 'ready'];
const THEME = 'brigade-kitchen-light';

const view = document.querySelector('#view');
const tools = document.querySelector('#tools');
const dialog = document.querySelector('#dialog');
const corner = document.querySelector('#pill');
const pausedStrip = document.querySelector('#paused');
const announce = announcer();
/** A popover: over an open dialog too. */
const toast = h('p.toast', { role: 'alert', popover: 'manual' });

const lists = new Map(COLUMNS.map((status) => [status, h('ol', { tabindex: '0', 'aria-label': t.columns[status] })]));
const heads = new Map(COLUMNS.map((status) => [status, h('b.figure')]));
const empties = new Map(COLUMNS.map((status) => [status, h('p.empty', t.columnEmpty[status])]));
const allDay = h('dl');
const find = h('input', {
  type: 'search',
  inputmode: 'numeric',
  maxlength: '3',
  placeholder: t.findNumber,
  'aria-label': t.findNumber,
  oninput: () => {
    render();
    const found = shownTickets().find((ticket) => String(ticket.number) === find.value.trim());
    if (found) choose(found.order_id, { andFocus: false });
  },
});
const stations = h('div.stations', { role: 'group', 'aria-label': t.stations });

/** @type {{user_id: string, login: string, roles: string[]}|null} */
let account = null;
/** @type {Live|null} */
let live = null;
/** The address names no kitchen. */
let isNowhere = false;
let board = new KitchenBoard();
/** Whether the board was filled since it was opened. */
let isFilled = false;
let station = '';
let selected = '';
/** When another ticket was selected because the one before had gone. */
let reselectedAt = -Infinity;
/** @type {Map<string, number>} when each ticket was tapped, of late */
const tappedAt = new Map();
/** While fingers are on their way the board stays still. */
let stillSince = -Infinity;
let stillUntil = -Infinity;
/** @type {Map<string, {ticket: Object, view: Object}[]>} what each column shows */
const shown = new Map(COLUMNS.map((status) => [status, []]));
const aim = new Aim(view);
/** Whether the finger that is down aimed at what was there a moment ago. */
let isStray = false;
/** @type {PauseWatch|null} */
let pauses = null;
/** @type {import('./pause.js').Pause|null} */
let pause = null;
let touchedAt = -Infinity;
/** Since when a finger is down on a ticket; a long rest is no tap. */
let pressedAt = -Infinity;
/** @type {Map<string, number>} tickets a tap was sent for, and the seq it had */
const sending = new Map();
const leaving = new TakeBack(() => render());
const release = new Release({
  isBusy: () =>
    dialog.open ||
    !leaving.isEmpty ||
    sending.size > 0 ||
    performance.now() - touchedAt < HANDS_ON_MS,
  state: () => account && { account, board: board.snapshot(), station, selected },
});

// The board

function showBoard() {
  document.title = `${t.kitchenTitle} · Brigade`;
  fill(
    view,
    h('h1.unseen', t.kitchenBoard),
    h('aside.all-day', { 'aria-label': t.allDay }, h('h2', t.allDay), allDay),
    h(
      'div.columns',
      COLUMNS.map((status) =>
        h(
          'section.column',
          { 'aria-labelledby': `column-${status}`, data: { status } },
          h('h2', { id: `column-${status}` }, t.columns[status], heads.get(status)),
          empties.get(status),
          lists.get(status),
        ),
      ),
    ),
    h('footer.keys', { 'aria-hidden': 'true' }, t.keys),
    toast,
  );
  showTools();
  render();
}

function showTools() {
  const toggle = (words, isOn, onclick, key) =>
    h('button', { 'aria-pressed': isOn, data: { key }, onclick }, words);
  const isLight = document.documentElement.classList.contains('light');
  fill(
    tools,
    find,
    stations,
    h('button', { data: { key: 'sold-out' }, onclick: showSoldOut }, t.soldOutSwitch),
    !pause && h('button', { data: { key: 'pause' }, onclick: () => pauseFor(PAUSE_MINUTES) }, t.pauseOrders),
    toggle(t.sound, String(soundIsOn()), () => {
      turnSound(!soundIsOn());
      showTools();
    }, 'sound'),
    toggle(t.light, String(isLight), () => {
      localStorage.setItem(THEME, isLight ? '' : 'on');
      paint();
      showTools();
    }, 'light'),
    h('button.link', { title: account.login, onclick: leave }, t.signOut),
  );
}

function render() {
  // What is replaced under a finger takes no tap.
  if (!account || isPressed()) return;
  aim.watch(performance.now() < stillUntil ? renderTaps : renderAll);
}

/** Shows what became of taps on the tickets where they are. */
function renderTaps() {
  for (const [status, seen] of shown) {
    const views = seen.map(({ ticket, view: item }) => ({ ...item, ...tapOn(ticket) }));
    showColumn(status, views);
  }
}

function renderAll() {
  const wanted = find.value.trim();
  const [next] = board.column('queued', '');
  for (const status of COLUMNS) {
    const tickets = board.column(status, station);
    shown.set(status, tickets.map((ticket) => ({ ticket, view: viewOf(ticket, wanted, next) })));
    heads.get(status).textContent = tickets.length;
    empties.get(status).hidden = tickets.length > 0;
  }
  const ids = [...shown.values()].flat().map(({ ticket }) => ticket.order_id);
  if (!ids.includes(selected)) {
    selected = ids[0] ?? '';
    reselectedAt = performance.now();
  }
  for (const [status, seen] of shown) showColumn(status, seen.map(({ view: item }) => item));
  fill(allDay, allDayRows());
  const names = board.stations;
  if (stations.dataset.names !== `${names} ${station}`) showStations(names);
}

function showColumn(status, views) {
  keepFocus(view, () => {
    syncChildren(lists.get(status), views, (item) => item.id, (item, isNew) => kitchenTicket(item, taps, isNew));
  });
  select(lists.get(status).children, selected);
}

/** Where the columns scroll sideways: an empty first one is no beginning. */
function showFirstTickets() {
  if (isFilled) return;
  isFilled = true;
  const status = COLUMNS.find((it) => board.column(it, station).length);
  const column = view.querySelector(`.column[data-status="${status}"]`);
  column?.scrollIntoView({ block: 'nearest', inline: 'start' });
}

function viewOf(ticket, wanted, next) {
  const lines = board.lines(ticket);
  const here = station ? lines.filter((line) => line.station === station) : lines;
  const id = ticket.order_id;
  return {
    id,
    number: ticket.number,
    status: ticket.status,
    lines: here.map(({ quantity, name, options, mark }) => ({ quantity, name, options, mark })),
    elsewhere: lines.length - here.length,
    note: ticket.note,
    lateness: lateness(ticket),
    held: ticket.held,
    isGuess: ticket.cause === 'timer' && TAPPED.includes(ticket.status),
    isNext: ticket === next,
    flag: ticket.flag,
    reason: ticket.reason,
    isFaded: wanted !== '' && !String(ticket.number).startsWith(wanted),
    ...tapOn(ticket),
  };
}

/** What became of a tap on a ticket. */
function tapOn({ order_id: id, seq }) {
  return { isSending: sending.get(id) === seq, leaving: leaving.get(id) };
}

function allDayRows() {
  const rows = board.allDay(station);
  if (!rows.length) return h('p.empty', t.allDayEmpty);
  return rows.map(([name, count]) => h('div', h('dt', name), h('dd.figure', count)));
}

function showStations(names) {
  stations.dataset.names = `${names} ${station}`;
  fill(
    stations,
    ['', ...names].map((name) =>
      h(
        'button',
        {
          'aria-pressed': String(name === station),
          data: { key: `station-${name}` },
          onclick: () => {
            station = name;
            render();
          },
        },
        name || t.allStations,
      ),
    ),
  );
}

function isPressed() {
  return performance.now() - pressedAt < LONGEST_PRESS_MS;
}

function tell(words) {
  if (!toast.isConnected) return;
  toast.textContent = words;
  toast.hidePopover();
  toast.showPopover();
  clearTimeout(tell.timer);
  tell.timer = setTimeout(() => toast.hidePopover(), 6_000);
}

// Taps

/** True if the same finger tapped the same ticket just now. */
function isSecondTap(id) {
  const time = performance.now();
  for (const [other, at] of tappedAt) if (time - at >= DOUBLE_TAP_MS) tappedAt.delete(other);
  if (tappedAt.has(id)) return true;
  tappedAt.set(id, time);
  return false;
}

/** Keeps every ticket where it is for a moment: the next finger is on its way to one. */
function standStill() {
  const time = performance.now();
  if (time > stillUntil) stillSince = time;
  stillUntil = Math.min(time + STILL_MS, stillSince + LONGEST_STILL_MS);
  setTimeout(render, stillUntil - time + 5);
}

/** A tap that landed on what has just moved there does nothing, and says so. */
function refuseTap(card) {
  card.classList.add('is-stray');
  setTimeout(() => card.classList.remove('is-stray'), 600);
  tell(t.justMoved(card.dataset.number));
}

const taps = {
  onAct(id) {
    if (isSecondTap(id) || leaving.undo(id)) return;
    const ticket = board.get(id);
    const seen = [...shown.values()].flat().find(({ ticket: it }) => it.order_id === id)?.ticket;
    // The board stood still meanwhile: the tap was meant for what it showed.
    if (!ticket || (seen && seen.status !== ticket.status)) {
      tell(t.movedMeanwhile(seen.number));
      return;
    }
    if (ticket.status === 'cancelled') taps.onSeen(id);
    else if (ticket.status === 'ready') {
      leaving.put(id, t.handedOver, (options) => send(ticket, 'complete', {}, options));
    } else {
      const next = neighbour(0, 1) ?? neighbour(0, -1);
      send(ticket, TAPS[ticket.status]);
      // It comes to where this one hangs: nothing needs to scroll.
      if (next) choose(next, { andFocus: view.contains(document.activeElement), isNear: true });
    }
  },
  onRecall(id) {
    const ticket = board.get(id);
    askReason(t.recallTitle(ticket.number), t.recallReasons, (reason) =>
      send(ticket, 'recall', { reason }),
    );
  },
  onVoid(id) {
    const ticket = board.get(id);
    askReason(t.voidTitle(ticket.number), t.voidReasons, (reason) =>
      leaving.put(id, t.voided, (options) => send(ticket, 'void', { reason }, options)),
    );
  },
  onSeen(id) {
    send(board.get(id), 'acknowledge');
  },
  onNote(id) {
    const { number, note } = board.get(id);
    ask(
      h('h2', number),
      h('p.note-strip', note),
      h('button.wide', { onclick: () => dialog.close() }, t.close),
    );
  },
};

async function send(ticket, tap, facts = {}, options = {}) {
  const { order_id: id, number, seq } = ticket;
  sending.set(id, seq);
  render();
  try {
    await call('POST', `/kitchen/tickets/${id}/${tap}?kitchen=${encodeURIComponent(kitchen)}`, {
      body: { seq, ...facts },
      ...options,
    });
    setTimeout(() => settle(id, seq), ANSWER_MS);
  } catch (problem) {
    settle(id, seq);
    const isMoved = problem.status === 409;
    tell(isMoved ? t.movedMeanwhile(number) : `${number}: ${explain(problem)}`);
  }
}

function settle(id, seq) {
  if (sending.get(id) === seq) sending.delete(id);
  render();
}

function askReason(title, reasons, onReason) {
  ask(
    h('h2', title),
    reasons.map((reason) =>
      h(
        'button.wide',
        {
          onclick: () => {
            dialog.close();
            onReason(reason);
          },
        },
        reason,
      ),
    ),
    h('button.link', { onclick: () => dialog.close() }, t.cancel),
  );
}

function ask(...content) {
  fill(dialog, h('div.ask', content));
  nameDialog(dialog);
  if (!dialog.open) dialog.showModal();
}

// The keyboard

/** The id of the ticket beside the selected one. */
function neighbour(columns, rows) {
  const ids = COLUMNS.map((status) => board.column(status, station).map((it) => it.order_id));
  const column = Math.max(0, ids.findIndex((list) => list.includes(selected)));
  const row = Math.max(0, ids[column].indexOf(selected));
  if (!columns) return ids[column][row + rows];
  for (let next = column + columns; ids[next]; next += columns) {
    if (ids[next].length) return ids[next][Math.min(row, ids[next].length - 1)];
  }
  return undefined;
}

function choose(id, { andFocus = true, isNear = false } = {}) {
  if (!id) return;
  selected = id;
  select(view.querySelectorAll('.card'), id);
  const foot = view.querySelector(`[data-key="${CSS.escape(id)}"]`);
  if (!isNear) foot?.closest('.card').scrollIntoView({ block: 'nearest', inline: 'nearest' });
  if (andFocus) foot?.focus({ preventScroll: true });
}

const ARROWS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
const KEYS = {
  KeyR: () => board.get(selected)?.status === 'ready' && taps.onRecall(selected),
  KeyV: () => COLUMNS.includes(board.get(selected)?.status) && taps.onVoid(selected),
  KeyU: () => leaving.last && leaving.undo(leaving.last),
};

function onKey(event) {
  if (!account || dialog.open || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === find) {
    if (event.key === 'Escape') find.value = '';
    if (event.key === 'Enter') goToNumber();
    if (event.key === 'Escape' || event.key === 'Enter') {
      // Else the same press would act on the ticket that gets the focus now.
      event.preventDefault();
      render();
      choose(selected);
    }
    return;
  }
  if (/^[0-9]$/.test(event.key)) {
    // The digit itself goes into the field that has the focus now.
    find.value = '';
    find.focus();
  } else if (ARROWS[event.key]) {
    event.preventDefault();
    const isOnBoard = view.contains(document.activeElement);
    choose(isOnBoard ? neighbour(...ARROWS[event.key]) : selected);
  } else if (KEYS[event.code]) {
    event.preventDefault();
    KEYS[event.code]();
  } else if (event.key === 'Enter' && document.activeElement === document.body && selected) {
    // The key was for the one that had gone.
    if (performance.now() - reselectedAt < AIM_MS) tell(t.justMoved(board.get(selected).number));
    else taps.onAct(selected);
  }
}

function shownTickets() {
  return COLUMNS.flatMap((status) => board.column(status, station));
}

function goToNumber() {
  const number = Number(find.value);
  const ticket = board.snapshot().tickets.find((it) => it.number === number);
  find.value = '';
  if (!ticket) {
    tell(t.notFound(number));
    return;
  }
  station = '';
  selected = ticket.order_id;
}

// What guests can order

async function showSoldOut() {
  let menu;
  try {
    menu = await call('GET', '/menu');
  } catch (problem) {
    tell(explain(problem));
    return;
  }
  ask(
    h('h2', t.soldOutTitle),
    h('ul.switches', menu.items.map((dish) => h('li', dishSwitch(dish)))),
    h('button.wide', { onclick: () => dialog.close() }, t.close),
  );
}

/** Shows on the whole page that orders are paused, as long as they are. */
function showPause(current) {
  pause = current;
  if (!account) return;
  const [words, left] = pause ? pauseWords(pause) : [];
  const facts = pause ? [left, pause.reason].filter(Boolean).join(' · ') : '';
  if (pausedStrip.dataset.words === `${words} ${facts}` && pausedStrip.hidden === !pause) return;
  pausedStrip.dataset.words = `${words} ${facts}`;
  if (pausedStrip.hidden === Boolean(pause)) announce(words ?? t.resumed);
  const key = document.activeElement?.dataset.key;
  aim.watch(() => {
    pausedStrip.hidden = !pause;
    fill(
      pausedStrip,
      pause && [
        h('p', h('b', words), facts),
        h('button', { data: { key: 'change-pause' }, onclick: askAboutPause }, t.changePause),
        h('button', { data: { key: 'resume' }, onclick: () => setPause(false) }, t.resumeOrders),
      ],
    );
    if ((tools.querySelector('[data-key=pause]') === null) !== Boolean(pause)) showTools();
  });
  // The button that was pressed is gone: its counterpart is next to be pressed.
  const other = { pause: 'resume', resume: 'pause', 'change-pause': 'pause' }[key];
  if (other && document.activeElement === document.body) {
    document.querySelector(`[data-key=${other}]`)?.focus();
  }
  if (dialog.open && dialog.querySelector('.pause-choices')) {
    if (pause) askAboutPause();
    else dialog.close();
  }
}

function pauseFor(minutes) {
  const until = minutes && new Date(now() + minutes * 60_000).toISOString();
  return setPause(true, { until, reason: pause?.reason ?? null });
}

async function setPause(paused, facts = {}) {
  try {
    pauses.take(await call('PUT', '/house/pause', { body: { paused, ...facts } }));
  } catch (problem) {
    tell(explain(problem));
  }
}

/** Asks until when and why; each tap counts at once. */
function askAboutPause() {
  const choice = (words, isChosen, key, onclick) =>
    h('button', { 'aria-pressed': isChosen, data: { key }, onclick }, words);
  const why = (reason) =>
    choice(reason ?? t.noReason, String(pause.reason === reason), `why-${reason}`, () =>
      setPause(true, { until: pause.until, reason }),
    );
  ask(
    h('h2', pauseWords(pause)[0]),
    h('h3', t.pauseEnd),
    h(
      'div.pause-choices',
      choice(t.minutes(PAUSE_MINUTES), null, 'short', () => pauseFor(PAUSE_MINUTES)),
      choice(t.minutes(LONG_PAUSE_MINUTES), null, 'long', () => pauseFor(LONG_PAUSE_MINUTES)),
      choice(t.openEnd, String(!pause.until), 'open', () => pauseFor(null)),
    ),
    h('h3', t.pauseReason),
    h('div.pause-choices', why(null), t.pauseReasons.map(why)),
    h('button.wide', { data: { key: 'close' }, onclick: () => dialog.close() }, t.close),
  );
}

function dishSwitch({ sku, name, available }) {
  return onOff(name, available, [t.available, t.soldOut], (isOn) =>
    call('PATCH', `/menu/${encodeURIComponent(sku)}`, { body: { available: isOn } }),
  );
}

/**
 * A switch that springs back when `change` fails.
 *
 * @param {string} name
 * @param {boolean} isOn
 * @param {[string, string]} words what it says when it is on and when it is off
 * @param {(isOn: boolean) => Promise<unknown>} change
 */
function onOff(name, isOn, [on, off], change) {
  const state = h('small');
  const input = h('input', {
    type: 'checkbox',
    role: 'switch',
    checked: isOn,
    onchange: async () => {
      const wanted = input.checked;
      input.disabled = true;
      try {
        await change(wanted);
      } catch (problem) {
        input.checked = !wanted;
        tell(explain(problem));
      }
      input.disabled = false;
      say();
    },
  });
  const say = () => {
    state.textContent = input.checked ? on : off;
  };
  say();
  return h('label', h('span', name), state, input);
}

// How fresh it is

const showPill = connectionPill(corner);

function onFreshness(freshness) {
  showPill(freshness);
  aim.watch(() => markStale(freshness, t.staleBoard));
}

async function checkKitchen() {
  if (isNowhere || !(await isKitchenUnknown())) return;
  end();
  isNowhere = true;
  showNoKitchen(view);
}

function onEvent(event, data) {
  const fresh = board.apply(event, data).filter((ticket) => isFor(station, ticket));
  if (fresh.length) {
    chime();
    announce(fresh.map(({ number }) => t.newTicket(number)).join('. '));
  }
  render();
  showFirstTickets();
}

// Who it is

function isCook({ roles }) {
  return roles.some((role) => ['admin', 'kitchen', `kitchen:${kitchen}`].includes(role));
}

/** Shows the board to a cook, from `state` (of `release`) where there is one, and to others the door. */
function begin(who, state = null) {
  if (isNowhere || (who && account?.user_id === who.user_id)) return;
  const wasOpen = account !== null;
  end();
  if (!who || !isCook(who)) {
    askWho(who ? t.notStaff(who.login) : wasOpen ? t.signedOut : t.staffOnly);
    return;
  }
  account = who;
  if (state) {
    board.apply('snapshot', state.board);
    ({ station, selected } = state);
  }
  live = new Live(`/kitchen/stream?kitchen=${encodeURIComponent(kitchen)}`, {
    who: who.user_id,
    silentMs: BOARD_SILENT_MS,
    events: ['snapshot', 'ticket'],
    onEvent,
    onFreshness,
    snapshot: () => board.snapshot(),
    onSignedOut: () => begin(null),
    onBack: () => release.check(),
    onUnanswered: checkKitchen,
  });
  showBoard();
  if (pauses) pauses.look();
  else pauses = new PauseWatch(showPause);
  if (state) showFirstTickets();
}

function end() {
  live?.close();
  live = null;
  account = null;
  board = new KitchenBoard();
  isFilled = false;
  dialog.close();
  tools.replaceChildren();
  pausedStrip.hidden = true;
  corner.replaceChildren();
  document.body.classList.remove('is-stale');
}

function askWho(hint) {
  document.title = `${t.kitchenTitle} · Brigade`;
  fill(
    view,
    h('div.door', h('div.ticket-shadow', h('div.ticket', signInForm({ hint, canSignUp: false, onDone: begin })))),
  );
}

async function leave() {
  try {
    // What was handed over a moment ago must not be lost with the session.
    await leaving.sendAll();
    await signOut();
    end();
    askWho(t.staffOnly);
  } catch (problem) {
    tell(explain(problem));
  }
}

function paint() {
  document.documentElement.classList.toggle('light', localStorage.getItem(THEME) === 'on');
}

/** Who was here before a reload sees the same board at once; who it is now shows a moment later. */
function resume() {
  const state = handedOver();
  if (state) begin(state.account, state);
}

async function start() {
  try {
    begin(await whoAmI());
  } catch (problem) {
    fill(
      view,
      h(
        'div.trouble',
        h('p', { role: 'alert' }, explain(problem)),
        h('button.primary', { onclick: start }, t.tryAgain),
      ),
    );
    // Nobody stands at a wall all day to press it.
    setTimeout(() => account || start(), 5_000);
  }
}

paint();
checkKitchen();
addEventListener('keydown', onKey);
for (const touch of ['pointerdown', 'keydown']) {
  addEventListener(touch, () => {
    touchedAt = performance.now();
  });
}
view.addEventListener('click', (event) => {
  pressedAt = -Infinity;
  // Keys and assistive technology aim at nothing that moves.
  if (!event.detail) return;
  const card = event.target.closest('.card');
  if (isStray && card) {
    event.stopPropagation();
    refuseTap(card);
  } else if (event.target.closest('.foot')) standStill();
  isStray = false;
}, { capture: true });
view.addEventListener('pointerdown', (event) => {
  isStray = aim.isStray(event);
  pressedAt = performance.now();
  setTimeout(render, LONGEST_PRESS_MS + 50);
});
for (const end of ['pointerup', 'pointercancel']) {
  addEventListener(end, () => {
    if (!isPressed()) return;
    // After the click: under a finger that comes a moment later.
    setTimeout(() => {
      pressedAt = -Infinity;
      render();
    }, CLICK_MS);
  });
}
view.addEventListener('focusin', (event) => {
  const id = event.target.closest('.card')?.dataset.item;
  // What moves under a finger takes no tap.
  if (id && id !== selected) choose(id, { andFocus: false, isNear: isPressed() });
});
onSessionChange((isOut) => (isOut ? account && begin(null) : start()));
setInterval(render, CLOCK_MS);
resume();
start();
