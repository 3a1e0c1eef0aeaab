/** The bill: what the guest has written down and not sent yet. */

import { newKey } from './api.js';
import { fill, h, keepFocus, syncChildren } from './dom.js';
import { money } from './format.js';
import { t } from './guest_words.js';
import { MOST, priceOf, stepper } from './menu.js';

const KEPT_AS = 'brigade-bill';
const MOST_NOTE_CHARACTERS = 500;

/** @typedef {{sku: string, quantity: number, options: string[]}} Line */

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
  #write({ sku, quantity, options }) {
    const dish = dishOf({ sku, options });
    let line = this.lines.find((other) => dishOf(other) === dish && other.quantity < MOST);
    if (!line) this.lines.push((line = { sku, quantity: 0, options }));
    const fits = Math.min(quantity, MOST - line.quantity);
    line.quantity += fits;
    if (fits < quantity) this.#write({ sku, quantity: quantity - fits, options });
  }

  setQuantity(index, quantity) {
    if (quantity > 0) this.lines[index].quantity = quantity;
    else this.lines.splice(index, 1);
    this.#changed();
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
   * @returns {number[]} in minor units
   */
  lineTotals(dishes) {
    const kept = new Map();
    for (const line of this.changes?.items ?? []) {
      const prices = Array(line.quantity).fill(line.unit_price);
      kept.set(dishOf(line), [...(kept.get(dishOf(line)) ?? []), ...prices]);
    }
    return this.lines.map((line) => {
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
    return { items: this.lines, note: this.note.trim(), ...this.sent };
  }

  /** It was refused. */
  forgetPrice() {
    this.sent = null;
    this.#keep();
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
  #isSending = false;
  #problem = '';
  #whyNot = '';
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
      oninput: () => bill.setNote(this.note.value),
    });
    this.noteLabel = h('label.note', t.note, this.note);
    this.total = h('b');
    this.totalRow = h('p.total', h('span', t.total), this.total);
    this.error = h('p.error', { role: 'alert' });
    this.hint = h('p.hint', { role: 'status' });
    this.question = h('div.question', { role: 'group', 'aria-label': t.priceChanged });
    this.button = h('button.primary.wide', {
      data: { key: 'send' },
      onclick: () => this.#send(this.#look()),
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
          [this.error, this.hint, this.question, this.button, this.drop],
        ),
      ),
    );
    this.render();
  }

  /** Shows what went wrong with sending, '' for nothing. */
  complain(problem) {
    this.#problem = problem;
    this.#isAsking = false;
    if (problem) this.#open(true);
    this.render();
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

  /** Says why it can't be sent now, '' when it can. */
  setWhyNot(words) {
    if (words === this.#whyNot) return;
    this.#whyNot = words;
    this.render();
  }

  /** Shows both as they are now; what did not change stays, the caret too. */
  render() {
    const { bill } = this;
    const look = this.#look();
    const { total } = look.price;
    const price = money(total, look.price);
    const isEmpty = bill.count === 0;
    this.count.textContent = isEmpty ? t.bill : t.dishes(bill.count);
    this.sum.textContent = price;
    this.title.textContent = bill.changes ? t.changing(bill.changes.number) : t.bill;
    keepFocus(this.lines, () =>
      syncChildren(
        this.lines,
        bill.lines.map((line, index) => this.#lineView(line, index, look)),
        ({ key }) => key,
        (line, isNew) => this.#line(line, isNew),
      ),
    );
    this.empty.hidden = !isEmpty;
    this.noteLabel.hidden = isEmpty;
    if (this.note.value !== bill.note) this.note.value = bill.note;
    this.totalRow.hidden = isEmpty;
    this.total.textContent = price;
    this.error.textContent = this.#problem;
    this.hint.textContent = isEmpty ? '' : this.#whyNot;
    this.question.hidden = !this.#isAsking || this.#isSending;
    this.button.hidden = !this.question.hidden;
    this.button.disabled = isEmpty || this.#isSending || this.#whyNot !== '';
    this.button.textContent = this.#isSending
      ? t.ordering
      : (bill.changes ? t.saveOrder : t.order) + (total ? ` · ${price}` : '');
    this.drop.hidden = !bill.changes || !this.question.hidden;
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

  #lineView(line, index, { price, lines }) {
    const dish = this.menu.dishes.get(line.sku);
    const same = lines.slice(0, index).filter((other) => other.dish === lines[index].dish);
    const was = this.bill.changes?.items?.find(({ sku }) => sku === line.sku);
    return {
      key: `${line.sku} ${line.options} ${same.length || ''}`,
      index,
      name: dish?.name ?? was?.name ?? line.sku,
      quantity: line.quantity,
      options: line.options.join(', '),
      isGone: !dish?.available,
      price: money(lines[index].total, price),
    };
  }

  #line({ key, index, name, quantity, options, isGone, price }, isNew) {
    return h(
      `li.line${isGone ? '.gone' : ''}${isNew ? '.is-new' : ''}`,
      h('span.what', name, isGone && h('em.sold-out', t.soldOut), options && h('small', options)),
      h('span.price', price),
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
    this.#isSending = true;
    this.#isAsking = false;
    this.#problem = '';
    this.render();
    try {
      await this.onSend(seen.price);
    } finally {
      this.#isSending = false;
      this.render();
      // A key that is pressed once too often does no harm there.
      if (this.#isAsking) this.question.lastChild.focus();
    }
  }
}
