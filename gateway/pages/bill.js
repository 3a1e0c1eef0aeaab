/** The bill: what the guest has written down and not sent yet. */

import { newKey } from './api.js';
import { fill, h, keepFocus, sayWhileWaiting, syncChildren } from './dom.js';
import { money } from './format.js';
import { t } from './guest_words.js';
import { MOST, priceOf, stepper } from './menu.js';
import { MOST_NOTE_CHARACTERS, cleanNote } from './refusals.js';

const KEPT_AS = 'brigade-bill';
/** @type {import('./refusals.js').Faults} */
const NO_FAULTS = { lines: new Map(), note: '', others: [] };

/** @typedef {{sku: string, name?: string, quantity: number, options: string[]}} Line */

/** @typedef {{total: number, currency: string}} Price of a whole order, in minor units */

/** What an order or a bill is about, to be compared: portions count, on however many lines. */
export function contentOf({ items, note }) {
  const counts = new Map();
  for (const line of items) counts.set(dishOf(line), (counts.get(dishOf(line)) ?? 0) + line.quantity);
  return JSON.stringify([[...counts].sort(), note.trim()]);
}

/** @param {{dish: string, total: number}[]} lines @returns {Map<string, number>} */
function totalsByDish(lines) {
  const totals = new Map();
  for (const { dish, total } of lines) totals.set(dish, (totals.get(dish) ?? 0) + total);
  return totals;
}

/** What makes two lines the same dish. */
function dishOf({ sku, options }) {
  return JSON.stringify([sku, [...options].sort()]);
}

export class Bill {
  /** @type {Line[]} */
  lines = [];
  note = '';
  /**
   * @type {{id: string, number: number|null, version: number, was: string, items: Object[],
   *   currency: string, currency_digits: number}|null} the order that is changed, its content and
   *   its lines before
   */
  changes = null;
  /** @type {{lines: Line[], note: string}|null} what was written down before an order was changed */
  draft = null;
  /** The Idempotency-Key: the same until the content changes, so that sending twice orders once. */
  key = newKey();
  /** @type {Object|null} the price that was sent under the key, until that was answered */
  sent = null;

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.onChange = onChange;
    try {
      const { lines, note, changes, draft, key, sent } = JSON.parse(sessionStorage.getItem(KEPT_AS));
      Object.assign(this, { lines, note, changes, draft, key, sent });
    } catch {
      // Nothing is kept, or nothing that can be read.
    }
  }

  /** @param {Line} line */
  add(line) {
    this.#write(line);
    this.#changed();
  }

  /** One line for one dish with the same options; a further one where it is full. */
  #write({ sku, name, quantity, options }) {
    const dish = dishOf({ sku, options });
    let line = this.lines.find((other) => dishOf(other) === dish && other.quantity < MOST);
    // The name outlives the dish on the menu.
    if (!line) this.lines.push((line = { sku, name, quantity: 0, options }));
    const fits = Math.min(quantity, MOST - line.quantity);
    line.quantity += fits;
    if (fits < quantity) this.#write({ sku, name, quantity: quantity - fits, options });
  }

  setQuantity(index, quantity) {
    // Another line, of which nothing is known to be wrong.
    if (quantity > 0) this.lines[index] = { ...this.lines[index], quantity };
    else this.lines.splice(index, 1);
    this.#changed();
  }

  /** Takes lines off, but for the portions that the changed order has of them already. */
  takeOff(lines) {
    this.lines = this.#without(lines);
    this.#changed();
  }

  #without(lines) {
    return this.lines
      .map((line) => (lines.includes(line) ? { ...line, quantity: this.#keptOf(line) } : line))
      .filter((line) => line.quantity > 0);
  }

  /** How many portions of a line the changed order has already: those stay whatever happens. */
  #keptOf(line) {
    const same = (this.changes?.items ?? []).filter((other) => dishOf(other) === dishOf(line));
    const kept = same.reduce((sum, other) => sum + other.quantity, 0);
    return Math.min(kept, line.quantity);
  }

  /** Whether any portion of a line is ordered anew. */
  isAdding(line) {
    return this.#keptOf(line) < line.quantity;
  }

  setNote(note) {
    this.note = note;
    this.#renew();
  }

  /** Starts from an order's content, to change that order; what stood here comes back afterwards. */
  change(order) {
    if (!this.changes) this.draft = { lines: this.lines, note: this.note };
    this.lines = [];
    this.note = order.note;
    order.items.forEach((line) => this.#write(line));
    const { id, number, currency, currency_digits } = order;
    this.changes = { id, number, currency, currency_digits };
    this.learn(order);
    this.#changed();
  }

  /** Writes down an order's content once more, below what stands here. */
  repeat(order) {
    if (this.changes) this.done();
    this.note ||= order.note;
    order.items.forEach((line) => this.#write(line));
    this.#changed();
  }

  /** It was sent, or the changes were dropped. */
  done() {
    const { lines, note } = (this.changes && this.draft) ?? { lines: [], note: '' };
    Object.assign(this, { lines, note, changes: null, draft: null });
    this.#changed();
  }

  clear() {
    this.draft = null;
    this.done();
  }

  /** The order that is changed moved on meanwhile. */
  learn(order) {
    const { version, items } = order;
    Object.assign(this.changes, { version, items, was: contentOf(order) });
    this.#keep();
  }

  /** How many of each dish: sku → count. */
  get counts() {
    const counts = new Map();
    for (const { sku, quantity } of this.lines) counts.set(sku, (counts.get(sku) ?? 0) + quantity);
    return counts;
  }

  get count() {
    return this.lines.reduce((sum, line) => sum + line.quantity, 0);
  }

  /**
   * What each line comes to. As the order service counts: as many portions as the changed order has
   * keep their price, those of its first line first.
   *
   * @param {Map<string, Object>} dishes the menu's, by sku
   * @param {Line[]} [without] lines that are taken off before
   * @returns {number[]} in minor units
   */
  lineTotals(dishes, without = []) {
    const kept = new Map();
    for (const line of this.changes?.items ?? []) {
      const prices = Array(line.quantity).fill(line.unit_price);
      kept.set(dishOf(line), [...(kept.get(dishOf(line)) ?? []), ...prices]);
    }
    return this.#without(without).map((line) => {
      const stay = kept.get(dishOf(line))?.splice(0, line.quantity) ?? [];
      const dish = dishes.get(line.sku);
      const today = dish ? priceOf(dish, line.options) : 0;
      return stay.reduce((sum, price) => sum + price, today * (line.quantity - stay.length));
    });
  }

  /**
   * The body of `POST /order` and `PUT /order/{id}`. Until it is answered it stays the same under
   * its key, the price too: it may have been placed at that.
   *
   * @param {Price} price
   */
  bodyAt(price) {
    this.sent ??= { expected_total: price.total, expected_currency: price.currency };
    this.#keep();
    const items = this.lines.map(({ sku, quantity, options }) => ({ sku, quantity, options }));
    return { items, note: this.note.trim(), ...this.sent };
  }

  /** It was refused. */
  forgetPrice() {
    this.sent = null;
    this.#keep();
  }

  /** It was used for something else. */
  renewKey() {
    this.#renew();
  }

  #changed() {
    this.#renew();
    this.onChange();
  }

  #renew() {
    this.key = newKey();
    this.sent = null;
    this.#keep();
  }

  #keep() {
    const { lines, note, changes, draft, key, sent } = this;
    sessionStorage.setItem(KEPT_AS, JSON.stringify({ lines, note, changes, draft, key, sent }));
  }
}

/** The bill as a ticket: a column beside the menu, a bar that opens on a phone. */
export class BillView {
  /** What the button says while it is sent, '' when it is not. */
  #sending = '';
  #problem = '';
  #faults = NO_FAULTS;
  #whyNot = { short: '', words: '' };
  /** Whether the guest is asked about another price. */
  #isAsking = false;
  /** What the guest saw when it was sent: {price, lines}. */
  #seen = null;

  /**
   * @param {Bill} bill
   * @param {import('./menu.js').Menu} menu
   * @param {{onSend: (price: Price) => Promise<void>, onDrop: () => void}} actions
   */
  constructor(bill, menu, { onSend, onDrop }) {
    this.bill = bill;
    this.menu = menu;
    this.onSend = onSend;

    this.count = h('span');
    this.sum = h('b');
    this.bar = h(
      'button.bill-bar',
      { 'aria-expanded': 'false', onclick: () => this.#open(!this.#isOpen) },
      this.count,
      this.sum,
      h('span.sign.unfolds', { 'aria-hidden': 'true' }),
    );
    this.title = h('h2', { tabindex: '-1' });
    this.empty = h('p.empty', t.emptyBill);
    this.lines = h('ul.lines');
    this.note = h('textarea', {
      rows: '2',
      maxlength: String(MOST_NOTE_CHARACTERS),
      placeholder: t.noteHint,
      oninput: () => {
        bill.setNote(this.note.value);
        if (this.#faults.note) this.complain('');
      },
    });
    this.noteLabel = h('label.note', t.note, this.note);
    this.total = h('b');
    this.totalRow = h('p.total', h('span', t.total), this.total);
    this.error = h('p.error', { role: 'alert', tabindex: '-1' });
    this.remedy = h('button.primary.wide', { onclick: () => this.#mend() });
    this.hint = h('p.hint', { role: 'status' });
    this.question = h('div.question', {
      role: 'group',
      'aria-label': t.priceChanged,
      onkeydown: (event) => event.key === 'Escape' && (event.stopPropagation(), this.#goBack()),
    });
    this.button = h('button.primary.wide', {
      data: { key: 'send' },
      onclick: () => this.#sending || this.#send(this.#look()),
    });
    this.drop = h('button.link', { onclick: onDrop }, t.dropChanges);
    this.element = h(
      'aside.bill',
      {
        'aria-label': t.bill,
        onkeydown: ({ key }) => key === 'Escape' && this.#isOpen && (this.shut(), this.bar.focus()),
      },
      this.bar,
      h(
        'div.ticket-shadow',
        h(
          'div.ticket',
          [this.title, this.empty, this.lines, this.noteLabel, this.totalRow],
          [this.error, this.hint, this.question, this.remedy, this.button, this.drop],
        ),
      ),
    );
    this.render();
  }

  /**
   * Shows what went wrong with sending, '' for nothing.
   *
   * @param {string} problem
   * @param {import('./refusals.js').Faults} [faults] which lines it is about; the same as before
   *   where none are given
   */
  complain(problem, faults = { ...this.#faults, note: '' }) {
    this.#faults = faults;
    const marked = [...this.#marks()].map(([line, words]) => `${this.#nameOf(line)}: ${words}.`);
    const details = problem ? [...marked, faults.note, ...faults.others] : [];
    this.#problem = [problem, ...details].filter(Boolean).join(' ');
    this.#isAsking = false;
    if (problem) this.#open(true);
    this.render();
  }

  /** The lines that can't be ordered as they stand, each with the reason. */
  #marks() {
    const { lines } = this.bill;
    const marks = new Map();
    for (const line of lines) {
      const dish = this.menu.dishes.get(line.sku);
      const known = dish ? (dish.available ? '' : t.soldOut) : t.goneDish;
      const words = this.#faults.lines.get(line) ?? (this.bill.isAdding(line) ? known : '');
      if (words) marks.set(line, words);
    }
    return marks;
  }

  #nameOf(line) {
    const was = this.bill.changes?.items?.find(({ sku }) => sku === line.sku);
    return this.menu.dishes.get(line.sku)?.name ?? was?.name ?? line.name ?? t.someDish;
  }

  /** Takes off what can't be ordered, and sends the rest, if there is any. */
  #mend() {
    if (this.#sending) return;
    const { bill } = this;
    const { note } = this.#faults;
    bill.takeOff([...this.#marks().keys()]);
    if (note) {
      bill.setNote(cleanNote(bill.note));
      this.complain('');
    }
    if (bill.count) this.#send(this.#look());
    else this.#refocus(0);
  }

  /**
   * Asks whether the order is wanted at the price that it has now.
   *
   * @param {Object} now the members of a `price-changed`
   */
  askPrice(now) {
    const { price: was, lines } = this.#seen;
    const lineTotals = now.items.map((line) => ({ dish: dishOf(line), total: line.line_total }));
    const before = totalsByDish(lines);
    const isMoved = ([dish, total]) => total !== before.get(dish) || now.currency !== was.currency;
    const names = new Map(now.items.map((line) => [dishOf(line), line.name]));
    const price = money(now.total, now);
    fill(
      this.question,
      h('p', { role: 'alert' }, h('b', t.priceChanged), ' ', t.wasAndIs(money(was.total, was), price)),
      h(
        'ul.lines',
        [...totalsByDish(lineTotals)].filter(isMoved).map(([dish, total]) =>
          h(
            'li.line',
            h('span.what', names.get(dish)),
            h('span.price', h('s', money(before.get(dish) ?? 0, was)), ' ', money(total, now)),
          ),
        ),
      ),
      h(
        'button.primary.wide',
        { onclick: () => this.#send({ price: now, lines: lineTotals }) },
        this.bill.changes ? t.saveFor(price) : t.orderFor(price),
      ),
      h('button.wide', { onclick: () => this.#goBack() }, t.back),
    );
    this.#isAsking = true;
    this.#open(true);
    this.render();
  }

  #goBack() {
    this.complain('');
    this.button.focus();
  }

  /**
   * Says why it can't be sent now.
   *
   * @param {{short: string, words: string}} whyNot for the button and below it; '' when it can be
   */
  setWhyNot(whyNot) {
    if (whyNot.short === this.#whyNot.short && whyNot.words === this.#whyNot.words) return;
    this.#whyNot = whyNot;
    this.render();
  }

  /** Says that it is sent until `work` is done. @template T @param {() => Promise<T>} work */
  async whileSending(work) {
    const say = (words) => {
      this.#sending = words;
      this.render();
    };
    const stop = sayWhileWaiting(say, t.ordering, t.stillTrying);
    try {
      return await work();
    } finally {
      stop();
      say('');
    }
  }

  /** Shows both as they are now; what did not change stays, the caret too. */
  render() {
    const { bill } = this;
    const look = this.#look();
    const { total } = look.price;
    const price = money(total, look.price);
    const isEmpty = bill.count === 0;
    const marks = this.#marks();
    this.count.textContent = isEmpty ? t.bill : t.dishes(bill.count);
    this.sum.textContent = price;
    this.title.textContent = bill.changes ? t.changing(bill.changes.number) : t.bill;
    keepFocus(this.lines, () =>
      syncChildren(
        this.lines,
        bill.lines.map((line, index) => this.#lineView(line, index, look, marks)),
        ({ key }) => key,
        (line, isNew) => this.#line(line, isNew),
      ),
    );
    this.empty.hidden = !isEmpty;
    this.noteLabel.hidden = isEmpty;
    if (this.note.value !== bill.note) this.note.value = bill.note;
    this.totalRow.hidden = isEmpty;
    this.total.textContent = price;
    if (this.error.textContent !== this.#problem) this.error.textContent = this.#problem;
    this.hint.textContent = isEmpty ? '' : this.#whyNot.words;
    this.question.hidden = !this.#isAsking || this.#sending !== '';
    const remedy = this.#remedyWords([...marks.keys()], look.price);
    this.remedy.hidden = !remedy || !this.question.hidden || this.#sending !== '';
    this.remedy.textContent = remedy;
    this.remedy.disabled = this.#whyNot.words !== '';
    this.button.hidden = !this.question.hidden || !this.remedy.hidden;
    this.button.disabled = isEmpty || this.#whyNot.words !== '';
    // A disabled one would lose the focus.
    this.button.ariaDisabled = this.#sending ? 'true' : null;
    this.button.textContent =
      this.#sending ||
      this.#whyNot.short ||
      (bill.changes ? t.saveOrder : t.order) + (total ? ` · ${price}` : '');
    this.drop.hidden = !bill.changes || !this.question.hidden;
  }

  /** The words of the button that mends what is wrong, '' when nothing is. */
  #remedyWords(lines, price) {
    const { bill, menu } = this;
    if (!lines.length) return this.#faults.note && t.cleanNote;
    const rest = bill.lineTotals(menu.dishes, lines);
    if (!rest.length) return t.removeIt(lines.length);
    const total = money(rest.reduce((sum, each) => sum + each, 0), price);
    return (bill.changes ? t.saveRest : t.orderRest)(lines.length, total);
  }

  /** On a phone: back to a bar. */
  shut() {
    this.#open(false);
  }

  get #isOpen() {
    return this.element.classList.contains('open');
  }

  #open(isOpen) {
    this.element.classList.toggle('open', isOpen);
    this.bar.setAttribute('aria-expanded', String(isOpen));
  }

  /** What the bill comes to as it stands: {price, lines: [{dish, total}]}. */
  #look() {
    const { bill, menu } = this;
    const totals = bill.lineTotals(menu.dishes);
    // Once it has lines of its own, an order's currency is that of their prices.
    const { currency, currency_digits } = bill.changes?.currency ? bill.changes : menu.menu;
    return {
      price: { total: totals.reduce((sum, total) => sum + total, 0), currency, currency_digits },
      lines: bill.lines.map((line, index) => ({ dish: dishOf(line), total: totals[index] })),
    };
  }

  #lineView(line, index, { price, lines }, marks) {
    const dish = this.menu.dishes.get(line.sku);
    const same = lines.slice(0, index).filter((other) => other.dish === lines[index].dish);
    const fault = marks.get(line) ?? '';
    return {
      key: `${line.sku} ${line.options} ${same.length || ''}`,
      index,
      name: this.#nameOf(line),
      quantity: line.quantity,
      options: line.options.join(', '),
      fault,
      canChoose: fault !== '' && Boolean(dish?.available && dish.option_groups.length),
      price: money(lines[index].total, price),
    };
  }

  #line({ key, index, name, quantity, options, fault, canChoose, price }, isNew) {
    return h(
      `li.line${fault ? '.at-fault' : ''}${isNew ? '.is-new' : ''}`,
      h('span.what', h('span', name), fault && h('em.sold-out', fault), options && h('small', options)),
      h('span.price', price),
      canChoose && h('button.link', { onclick: () => this.#chooseAgain(index) }, t.chooseAgain),
      stepper({
        name,
        value: quantity,
        key: `line-${key}`,
        onChange: (value) => {
          this.bill.setQuantity(index, value);
          this.#refocus(index);
        },
      }),
    );
  }

  /** Takes a line off whose dish is to be had in another way, and opens that on the menu. */
  #chooseAgain(index) {
    const line = this.bill.lines[index];
    this.bill.takeOff([line]);
    this.shut();
    this.menu.choose(line.sku);
  }

  /** The line that had the focus is gone: the next one has it, or what is above them. */
  #refocus(index) {
    if (document.activeElement !== document.body) return;
    const near = this.lines.children[Math.min(index, this.lines.children.length - 1)];
    const stay = near?.querySelector('button') ?? (this.bar.checkVisibility() ? this.bar : this.title);
    stay.focus();
  }

  /** @param {{price: Price, lines: Object[]}} seen what the guest has agreed to */
  async #send(seen) {
    this.#seen = seen;
    this.complain('', NO_FAULTS);
    await this.onSend(seen.price);
    // A key that is pressed once too often does no harm there.
    if (this.#isAsking) this.question.lastChild.focus();
    else if (this.#problem) this.#showProblem();
  }

  /** Brings what went wrong into view, and the button that mends it. */
  #showProblem() {
    if (document.activeElement === document.body) this.error.focus();
    for (const each of [this.error, this.remedy]) each.scrollIntoView({ block: 'nearest' });
  }
}
