/** What a finger aims at. A list that moves under it must not make it tap another's button. */

/** From seeing a button to touching it: as long a button is aimed at where it was. */
export const AIM_MS = 500;

export class Aim {
  /** @type {{until: number, spots: Map<string, DOMRect>}[]} where buttons were before each move */
  #before = [];

  /** @param {Element} host of the cards whose buttons are watched */
  constructor(host) {
    this.host = host;
  }

  /** Runs `change`, and remembers where the buttons were if it moves any. */
  watch(change) {
    const spots = this.#spots();
    change();
    const time = performance.now();
    this.#before = this.#before.filter(({ until }) => time - until < AIM_MS);
    if (!areSame(spots, this.#spots())) this.#before.push({ until: time, spots });
  }

  /** True if within the last half second another button was at the point of a `pointerdown`. */
  isStray({ target, clientX, clientY }) {
    const button = target.closest('.card button');
    if (!button) return false;
    const name = nameOf(button);
    const oldest = performance.now() - AIM_MS;
    return this.#before.some(
      ({ until, spots }) =>
        until > oldest &&
        [...spots].some(([other, spot]) => other !== name && holds(spot, clientX, clientY)),
    );
  }

  #spots() {
    const buttons = [...this.host.querySelectorAll('.card button')];
    return new Map(buttons.map((button) => [nameOf(button), button.getBoundingClientRect()]));
  }
}

/** A button keeps its name when its ticket is drawn anew, until it does another thing. */
function nameOf(button) {
  const { item } = button.closest('.card').dataset;
  return `${item} ${button.dataset.act ?? button.textContent}`;
}

function holds({ left, right, top, bottom }, x, y) {
  return left <= x && x <= right && top <= y && y <= bottom;
}

function areSame(spots, others) {
  if (spots.size !== others.size) return false;
  return [...spots].every(([name, { x, y }]) => {
    const other = others.get(name);
    return other && Math.abs(other.x - x) < 1 && Math.abs(other.y - y) < 1;
  });
}
