/** The cooks' board. What it shows comes from the stream alone: a tap asks, the stream answers. */

import { call, onSessionChange, signOut, whoAmI } from './api.js';
import { chime, soundIsOn, turnSound } from './chime.js';
import { announcer, fill, h, keepFocus, nameDialog, syncChildren } from './dom.js';
import { COLUMNS, isFor, KitchenBoard, lateness } from './kitchen_board.js';
import { kitchenTicket, select } from './kitchen_ticket.js';
import { t } from './kitchen_words.js';
import { BOARD_SILENT_MS, Live } from './live.js';
import { connectionPill } from './pill.js';
import { handedOver, Release } from './release.js';
import { signInForm } from './sign_in.js';
import { markStale } from './stale.js';
import { TakeBack } from './takeback.js';
import { explain } from './words.js';

const CLOCK_MS = 5_000;
/** A tap so soon after the last is the same finger. */
const DOUBLE_TAP_MS = 400;
/** So long after a touch somebody is still at work here. */
const HANDS_ON_MS = 20_000;
/** So long the stream may take to tell of what was tapped. */
const ANSWER_MS = 4_000;
const LONGEST_PRESS_MS = 1_000;
/** So long after the finger was lifted its tap is told at the latest. */
const CLICK_MS = 100;
const TAPS = { queued: 'start', preparing: 'ready' };
const THEME = 'brigade-kitchen-light';

const kitchen = new URLSearchParams(location.search).get('kitchen') ?? 'main';
const view = document.querySelector('#view');
const tools = document.querySelector('#tools');
const dialog = document.querySelector('#dialog');
const corner = document.querySelector('#pill');
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
let board = new KitchenBoard();
/** Whether the board was filled since it was opened. */
let isFilled = false;
let station = '';
let selected = '';
let lastTapAt = 0;
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
  const wanted = find.value.trim();
  const shown = [];
  for (const status of COLUMNS) {
    const tickets = board.column(status, station);
    shown.push(...tickets);
    heads.get(status).textContent = tickets.length;
    empties.get(status).hidden = tickets.length > 0;
  }
  if (!shown.some((ticket) => ticket.order_id === selected)) selected = shown[0]?.order_id ?? '';
  keepFocus(view, () => {
    for (const status of COLUMNS) {
      const views = board.column(status, station).map((ticket) => viewOf(ticket, wanted));
      syncChildren(lists.get(status), views, (item) => item.id, (item, isNew) => kitchenTicket(item, taps, isNew));
    }
  });
  select(view.querySelectorAll('.card'), selected);
  fill(allDay, allDayRows());
  const names = board.stations;
  if (stations.dataset.names !== `${names} ${station}`) showStations(names);
}

/** Where the columns scroll sideways: an empty first one is no beginning. */
function showFirstTickets() {
  if (isFilled) return;
  isFilled = true;
  const status = COLUMNS.find((it) => board.column(it, station).length);
  const column = view.querySelector(`.column[data-status="${status}"]`);
  column?.scrollIntoView({ block: 'nearest', inline: 'start' });
}

function viewOf(ticket, wanted) {
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
    flag: ticket.flag,
    reason: ticket.reason,
    isFaded: wanted !== '' && !String(ticket.number).startsWith(wanted),
    isSending: sending.get(id) === ticket.seq,
    leaving: leaving.get(id),
  };
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

const taps = {
  onAct(id) {
    if (performance.now() - lastTapAt < DOUBLE_TAP_MS) return;
    lastTapAt = performance.now();
    if (leaving.undo(id)) return;
    const ticket = board.get(id);
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
  dialog.showModal();
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
    taps.onAct(selected);
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
  let menu, house;
  try {
    [menu, house] = await Promise.all([call('GET', '/menu'), call('GET', '/house')]);
  } catch (problem) {
    tell(explain(problem));
    return;
  }
  const orders = onOff(t.newOrders, !house.paused, [t.taken, t.pausedShort], (isOn) =>
    call('PUT', '/house/pause', { body: { paused: !isOn } }),
  );
  ask(
    h('h2', t.soldOutTitle),
    h(
      'ul.switches',
      h('li', orders),
      menu.items.map((dish) => h('li', dishSwitch(dish))),
    ),
    h('button.wide', { onclick: () => dialog.close() }, t.close),
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

function onFreshness(now) {
  showPill(now);
  markStale(now, t.staleBoard);
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
  if (who && account?.user_id === who.user_id) return;
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
  });
  showBoard();
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
addEventListener('keydown', onKey);
for (const touch of ['pointerdown', 'keydown']) {
  addEventListener(touch, () => {
    touchedAt = performance.now();
  });
}
view.addEventListener('click', () => {
  pressedAt = -Infinity;
}, { capture: true });
view.addEventListener('pointerdown', () => {
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
