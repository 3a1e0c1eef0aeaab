/** The guest's page: the menu and the bill, then the ticket and its way along the rail. */

import { call, onSessionChange, signOut, whoAmI } from './api.js';
import { Bill, BillView, contentOf } from './bill.js';
import { announcer, fill, focusHead, h, nameDialog, syncChildren } from './dom.js';
import { dayAndTime, money } from './format.js';
import { t } from './guest_words.js';
import { whyNoOrders } from './house.js';
import { Live } from './live.js';
import { Menu } from './menu.js';
import { isGuess, isOver, Orders, statusWords } from './orders.js';
import { connectionPill } from './pill.js';
import { isKitchenUnknown, kitchen } from './no_kitchen.js';
import { faultsOf } from './refusals.js';
import { signInForm } from './sign_in.js';
import { Tracker } from './tracker.js';
import { explain } from './words.js';

const MENU_MS = 60_000;
const CLOCK_MS = 2_000;
const AHEAD_MS = 30_000;
const AGAIN_MS = 5_000;
/** So long the first paint waits for the orders of somebody who was here before. */
const ORDERS_MS = 1_000;
/** Kept for who signed in here once: 'yes', or '' after signing out. */
const WAS_HERE = 'brigade-was-here';

const OPEN = { short: '', words: '' };
const view = document.querySelector('#view');
const nav = document.querySelector('#nav');
const dialog = document.querySelector('#dialog');
const corner = document.querySelector('#pill');
const strips = h('div.strips');
const announce = announcer();

/** @type {{user_id: string, login: string, roles: string[]}|null} */
let account = null;
/** @type {Live|null} */
let live = null;
/** @type {Menu|null} */
let menu = null;
/** @type {BillView|null} */
let billView = null;
/** @type {Tracker|null} */
let tracker = null;
/** Why nothing can be ordered now. */
let whyNot = OPEN;
/** What ended the session without the guest's doing, in words. */
let signedOutWords = '';
/** How many orders come before the one that is shown, as the pickup board has it. */
let ahead = null;
/** The services that the gateway does not hear now. */
let away = [];
/** Whether the page's link names a kitchen that there is not. */
let isLost = false;
/** Whether the last try to read the orders failed. */
let ordersFailed = false;
/** Until what comes first is there: nothing jumps then. */
let isStarting = true;
/** How far down the menu and the list were, by their addresses. */
const scrolled = new Map();
let orders = new Orders(ordersChanged);
const bill = new Bill(billChanged);

// Where the guest is

function place() {
  const [, name = 'menu', id = ''] = location.hash.split('/');
  // Ids are plain letters and digits.
  return { name, id };
}

function go(path) {
  if (location.hash === `#/${path}`) show();
  else location.hash = `#/${path}`;
}

function show() {
  const { name, id } = place();
  const isOrder = name === 'order';
  const isList = name === 'orders';
  view.className = isOrder || isList ? 'view-order' : 'view-menu';
  showNav(isOrder || isList ? 'orders' : 'menu');
  if (!isOrder && !isList) isLost ? showLost() : showMenu();
  else if (!account) showClosed(signedOutWords || (isOrder ? t.signInToSeeOrder : t.signInToSeeOrders));
  else if (isOrder) showOrder(id);
  else showOrders();
}

/** The link names a kitchen that there is not. */
function showLost() {
  tracker = null;
  showTrouble(t.noSuchKitchen(kitchen), () => location.assign('/'), t.toTheMenu);
}

/** A place for those who are signed in; while that is not known, nothing is asked for. */
function showClosed(words) {
  document.title = `${t.orders} · Brigade`;
  tracker = null;
  if (isStarting) return;
  showTrouble(words, () => askWho(words), t.signIn);
}

/** Another place: it begins at its head, where screen readers go on too; the menu where one was. */
function arrive({ oldURL }) {
  scrolled.set(new URL(oldURL).hash, scrollY);
  show();
  scrollTo(0, place().name === 'order' ? 0 : (scrolled.get(location.hash) ?? 0));
  focusHead(view);
}

function showNav(current) {
  const link = (path, words, isCurrent) =>
    h('a', { href: path, 'aria-current': isCurrent ? 'page' : null, data: { key: path } }, words);
  const isStaff = account?.roles.some((role) => role.startsWith('kitchen') || role === 'admin');
  const count = orders.active.length;
  const look = JSON.stringify([current, account, count]);
  if (look === showNav.look) return;
  showNav.look = look;
  fill(
    nav,
    link('#/menu', t.menu, current === 'menu'),
    account && link('#/orders', [t.orders, count > 0 && h('b.count', count)], current === 'orders'),
    isStaff && link('/kitchen', t.kitchenBoard, false),
    account
      ? h('button.link', { title: account.login, data: { key: 'leave' }, onclick: leave }, t.signOut)
      : h('button.link', { data: { key: 'enter' }, onclick: () => askWho() }, t.signIn),
  );
}

// The menu and the bill

function showMenu() {
  document.title = `${t.menu} · Brigade`;
  tracker = null;
  if (!menu || isStarting) return;
  showStrips();
  // What stands already stays: a dish under a finger must not be taken away and put back.
  if (!view.contains(menu.element)) {
    fill(view, h('div.column', strips, h('h1', t.menuTitle), menu.element), billView.element);
  }
  menu.mark(bill.counts);
}

/** What the guest should know before ordering. */
function showStrips() {
  const { active } = orders;
  // What can be picked up comes first.
  const ready = active.filter(({ status }) => status === 'ready');
  const first = bill.changes ? null : (ready.find((it) => !isGuess(it)) ?? ready[0] ?? active[0]);
  const shown = [
    signedOutWords && { kind: 'signed-out', words: signedOutWords },
    bill.changes && { kind: 'changing', words: t.changing(bill.changes.number) },
    whyNot.words && { kind: 'closed', words: whyNot.words },
    first && { kind: 'ticket', id: first.id, number: first.number, words: statusWords(first) },
  ].filter(Boolean);
  syncChildren(strips, shown, ({ kind }) => kind, strip);
}

function strip({ kind, words, id, number }) {
  if (kind === 'ticket') {
    return h(
      'a.strip.leads',
      { href: `#/order/${id}` },
      h('b', t.activeTicket(number)),
      h('span', words),
    );
  }
  return h(
    `p.strip.${kind}`,
    { role: 'status' },
    words,
    kind === 'signed-out' && h('button.link', { onclick: () => askWho() }, t.signIn),
    kind === 'changing' && h('button.link', { onclick: dropChanges }, t.dropChanges),
  );
}

async function loadMenu() {
  let fresh, house;
  try {
    // Without the house's answer guests order as if it were open: the order service decides.
    [fresh, house] = await Promise.all([call('GET', '/menu'), call('GET', '/house').catch(() => null)]);
  } catch (problem) {
    if (!menu) {
      if (view.className === 'view-menu') showTrouble(explain(problem), start);
      clearTimeout(loadMenu.timer);
      loadMenu.timer = setTimeout(loadMenu, AGAIN_MS);
    }
    return;
  }
  const isSame = menu?.menu.version === fresh.version;
  if (!isSame) hangMenu(fresh);
  const said = house ? whyNoOrders(house) : whyNot;
  if (isSame && said.words === whyNot.words) return;
  whyNot = said;
  checkBill();
  if (view.className === 'view-menu') show();
}

function hangMenu(fresh) {
  if (menu) {
    menu.update(fresh);
    menu.mark(bill.counts);
    billView.render();
    return;
  }
  menu = new Menu(fresh, (line) => {
    const { name } = menu.dishes.get(line.sku);
    bill.add({ ...line, name });
    announce(t.writtenDown(name));
  });
  billView = new BillView(bill, menu, { onSend: send, onDrop: dropChanges });
}

function billChanged() {
  checkBill();
  billView?.complain('');
  menu?.mark(bill.counts);
}

/** Says why the bill can't be sent now: what was ordered before can be changed in a closed house. */
function checkBill() {
  const changed = bill.changes && orders.get(bill.changes.id);
  const isTooLate = changed && !changed.allowed_actions.includes('edit');
  const tooLate = { short: '', words: isTooLate ? t.tooLate : '' };
  billView?.setWhyNot(bill.changes ? tooLate : whyNot);
}

/** @param {{total: number, currency: string}} price what the guest has agreed to */
async function send(price) {
  const isNew = localStorage.getItem(WAS_HERE) === null;
  if (!account && !(await askWho(t.signInToOrder, isNew))) return;
  const { changes } = bill;
  const body = bill.bodyAt(price);
  try {
    const order = await billView.whileSending(() =>
      changes
        ? saveChanges(changes, body)
        : call('POST', '/order', {
            body: { ...body, kitchen },
            headers: { 'Idempotency-Key': bill.key },
          }),
    );
    orders.put(order);
    bill.done();
    billView.shut();
    go(`order/${order.id}`);
  } catch (problem) {
    if (problem.status === 401) {
      onSignedOut();
      if (await askWho(t.signedOut)) return send(price);
    }
    // What was not answered may have been placed at that price: it is asked about as it was.
    if (problem.status >= 400 && problem.status < 500) bill.forgetPrice();
    if (problem.kind === 'price-changed') {
      billView.askPrice(problem.facts);
      loadMenu();
      return;
    }
    const isStopped = ['house-closed', 'orders-paused'].includes(problem.kind);
    const isFaulty = ['sold-out', 'invalid-order', 'invalid-request'].includes(problem.kind);
    // What is wrong is told by the menu as it is now.
    if (isFaulty) await loadMenu();
    const words = [explain(problem), changes && isStopped && t.onlyTakeOff].filter(Boolean).join(' ');
    billView.complain(words, faultsOf(problem, bill.lines, bill.note, menu.dishes));
    if (isStopped) loadMenu();
    if (problem.kind === 'idempotency-key-reused') bill.renewKey();
    if (changes) orders.load(changes.id).catch(() => {});
  }
}

/** @throws {import('./api.js').Problem} */
async function saveChanges({ id, version, was }, body) {
  const save = (known) =>
    call('PUT', `/order/${id}`, { body, headers: { 'If-Match': `"${known}"` } });
  try {
    return await save(version);
  } catch (problem) {
    if (problem.status !== 412) throw problem;
    const order = await call('GET', `/order/${id}`);
    orders.put(order);
    bill.learn(order);
    // Saved already: only the answer was lost.
    if (contentOf(order) === contentOf(body)) return order;
    // The kitchen took it or promised anew: the guest's words are all the same.
    if (contentOf(order) === was) return save(order.version);
    throw problem;
  }
}

function dropChanges() {
  const { id } = bill.changes;
  bill.done();
  billView.shut();
  go(`order/${id}`);
}

// Orders

function showOrder(id) {
  const order = orders.get(id);
  if (!order?.isWhole) {
    orders.loadToShow(id).catch((problem) => {
      // What is known of it stands; the pill says how old that is.
      if (place().id !== id || orders.get(id)) return;
      if (problem.status === 404) showTrouble(t.noSuchOrder, () => go('orders'), t.seeOrders);
      else showTrouble(explain(problem), show);
    });
  }
  if (!order) {
    fill(view, h('div.skeleton', { 'aria-label': t.loading }, h('i.tall')));
    return;
  }
  document.title = [order.number, statusWords(order), 'Brigade'].filter(Boolean).join(' · ');
  const isNew = !tracker || tracker.order.id !== id;
  if (isNew) tracker = new Tracker({ onChange: change, onCancel: cancel, onRepeat: repeat, onMenu: () => go('menu') });
  tracker.render(order, { ahead, away });
  if (!view.contains(tracker.element)) fill(view, tracker.element, h('section.earlier'));
  showEarlier(view.querySelector('.earlier'), id);
}

function showOrders() {
  document.title = `${t.orders} · Brigade`;
  tracker = null;
  if (!view.querySelector('.whole')) fill(view, h('section.earlier.whole'));
  showEarlier(view.querySelector('.whole'), '');
}

function showEarlier(host, except) {
  const others = orders.all.filter((order) => order.id !== except);
  if (except && !others.length) {
    host.replaceChildren();
    return;
  }
  if (!host.firstChild) {
    host.append(
      h(except ? 'h2' : 'h1', except ? t.otherOrders : t.orders),
      h('ul'),
      h('p.empty', { role: 'status' }),
      h('button.more', { onclick: loadOrders }),
    );
  }
  syncChildren(host.querySelector('ul'), others, (order) => order.id, stub);
  host.querySelector('ul').hidden = !others.length;
  const words = ordersFailed
    ? t.ordersFailed
    : others.length
      ? ''
      : orders.isKnown
        ? t.noOrders
        : t.loading;
  const empty = host.querySelector('.empty');
  if (empty.textContent !== words) empty.textContent = words;
  const more = host.querySelector('.more');
  more.hidden = !ordersFailed && !orders.hasMore;
  more.textContent = ordersFailed ? t.tryAgain : t.moreOrders;
}

async function loadOrders() {
  const asked = orders;
  try {
    await asked.loadMore();
    ordersFailed = false;
  } catch {
    ordersFailed = true;
  }
  if (asked === orders) show();
}

/** An order of which little more than the number is left to be seen. */
function stub(order) {
  return h(
    'li',
    h(
      `a.stub${isOver(order) ? '' : '.active'}`,
      { href: `#/order/${order.id}` },
      h('b.figure', order.number ?? '–'),
      h(
        'span.what',
        order.items.map((line) => `${line.quantity}× ${line.name}`).join(', '),
        h('small', `${statusWords(order)} · ${dayAndTime(order.placed_at)}`),
      ),
      h('span.price', money(order.total, order)),
    ),
  );
}

function ordersChanged(order) {
  const { name, id } = place();
  if (order && name === 'order' && order.id === id) {
    if (!tracker?.order || statusWords(tracker.order) !== statusWords(order)) {
      announce([order.number && t.ticketTitle(order.number), statusWords(order)].filter(Boolean).join(': '));
    }
    countAhead();
  }
  checkBill();
  show();
}

function change(order) {
  bill.change(order);
  // At its head the menu says what is changed.
  scrolled.delete('#/menu');
  go('menu');
}

function repeat(order) {
  bill.repeat(order);
  go('menu');
}

async function cancel(order) {
  try {
    orders.put(await call('DELETE', `/order/${order.id}`));
    return '';
  } catch (problem) {
    orders.load(order.id).catch(() => {});
    return explain(problem);
  }
}

/** Counts by the order in which the kitchen takes tickets: what is cooked, and what waits before. */
async function countAhead() {
  const { name, id } = place();
  const order = orders.get(id);
  if (document.hidden || name !== 'order' || order?.status !== 'queued') return;
  try {
    const board = await call('GET', `/board?kitchen=${encodeURIComponent(order.kitchen)}`);
    const waiting = board.tickets.filter(({ status }) => status === 'queued');
    const before = waiting.findIndex(({ number }) => number === order.number);
    ahead = before < 0 ? null : board.preparing.length + before;
  } catch {
    ahead = null;
  }
  tick();
}

function tick() {
  const { name, id } = place();
  const order = orders.get(id);
  if (name !== 'order' || !tracker || !order) return;
  if (order.isWhole) tracker.render(order, { ahead, away });
  else showOrder(id);
}

// Who it is

/** Asks to sign in; true when that was done. */
function askWho(hint = t.signInToOrder, isNew = false) {
  return new Promise((resolve) => {
    dialog.onclose = () => {
      resolve(Boolean(account));
      // What had it before may be gone by now.
      if (document.activeElement === document.body) focusHead(view);
    };
    fill(
      dialog,
      signInForm({
        hint,
        isNew,
        onDone: (who) => {
          begin(who);
          dialog.close();
        },
      }),
      h('button.close', { 'aria-label': t.close, onclick: () => dialog.close() }, '×'),
    );
    nameDialog(dialog);
    dialog.showModal();
  });
}

async function begin(who) {
  if (account?.user_id === who.user_id) return;
  end();
  account = who;
  localStorage.setItem(WAS_HERE, 'yes');
  signedOutWords = '';
  const showPill = connectionPill(corner);
  live = new Live('/order/stream', {
    who: who.user_id,
    events: ['snapshot', 'status', 'reset'],
    onEvent: (event, data) => orders.apply(event, data),
    onFreshness: (freshness) => {
      showPill(freshness);
      learnAway(freshness.away);
    },
    snapshot: () => orders.snapshot(),
    onSignedOut,
    onBack: () => {
      loadMenu();
      if (!orders.isKnown) loadOrders();
    },
  });
  show();
  await loadOrders();
}

function learnAway(services) {
  if (String(services) === String(away)) return;
  away = services;
  tick();
}

/** The session ended elsewhere. Nobody asked for anything here, so this asks for nothing either. */
function onSignedOut() {
  if (!account) return;
  signedOutWords = t.signedOut;
  end();
}

function end() {
  live?.close();
  live = null;
  account = null;
  tracker = null;
  orders = new Orders(ordersChanged);
  ordersFailed = false;
  corner.replaceChildren();
  show();
}

async function leave() {
  try {
    await signOut();
  } catch (problem) {
    announce(explain(problem));
    return;
  }
  localStorage.setItem(WAS_HERE, '');
  bill.clear();
  signedOutWords = '';
  end();
  go('menu');
  focusHead(view);
}

function showTrouble(words, onclick, label = t.tryAgain) {
  // The same trouble stays, and so does the focus.
  if (view.querySelector('.trouble h1')?.textContent === words) return;
  const heading = h('h1', h('span', { role: 'alert' }, words));
  fill(view, h('div.trouble', heading, h('button.primary', { onclick }, label)));
}

/** Looks whether the kitchen that the link names is there. */
async function findKitchen() {
  if (!location.search || !(await isKitchenUnknown())) return;
  isLost = true;
  show();
}

async function recognise() {
  clearTimeout(recognise.timer);
  let who;
  try {
    who = await whoAmI();
  } catch {
    // Nobody is signed out because nobody answered.
    recognise.timer = setTimeout(recognise, AGAIN_MS);
    return;
  }
  if (who) await begin(who);
  else onSignedOut();
}

async function start() {
  const recognised = recognise();
  const wasHere = localStorage.getItem(WAS_HERE);
  findKitchen();
  const patience = new Promise((resolve) => setTimeout(resolve, wasHere ? ORDERS_MS : 0));
  await Promise.all([loadMenu(), Promise.race([recognised, patience])]);
  isStarting = false;
  showFirst();
  await recognised;
  showFirst();
}

/** Who comes back while an order is under way wants to see that. */
function showFirst() {
  const newest = orders.active[0];
  if (newest && !location.hash) location.replace(`#/order/${newest.id}`);
  else show();
}

history.scrollRestoration = 'manual';
addEventListener('hashchange', arrive);
document.addEventListener('visibilitychange', () => document.hidden || loadMenu());
onSessionChange((isOut) => (isOut ? onSignedOut() : recognise()));
setInterval(loadMenu, MENU_MS);
setInterval(tick, CLOCK_MS);
setInterval(countAhead, AHEAD_MS);
document.body.prepend(
  h(
    'a.skip',
    {
      href: '#view',
      // The fragment is the place where the guest is.
      onclick: (event) => {
        event.preventDefault();
        focusHead(view);
      },
    },
    t.skip,
  ),
);
start();
