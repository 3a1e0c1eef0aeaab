/** What the pickup screen says. */

import { choose, t as shared } from './words.js';

const WORDS = {
  sound: ['Sound', 'Звук'],
  boardTitle: ['Pickup', 'Выдача'],
  preparing: ['Preparing', 'Готовятся'],
  ready: ['Ready', 'Готовы'],
  guessed: ['Should be ready', 'Должны быть готовы'],
  noneReady: ['Nothing ready yet', 'Готовых пока нет'],
  noneReadyHint: ['Numbers appear here when they are ready', 'Здесь появятся номера готовых заказов'],
  nonePreparing: ['Nothing cooking', 'Сейчас ничего не готовится'],
  nowReady: [(n) => `Number ${n} is ready`, (n) => `Номер ${n} готов`],
  page: [(n, of) => `${n} of ${of}`, (n, of) => `${n} из ${of}`],
  staleNumbers: [
    (time, isAway) =>
      `${isAway ? 'The kitchen does not answer' : 'No connection'}${time && `. Last updated ${time}`}. Please ask at the counter.`,
    (time, isAway) =>
      `${isAway ? 'Кухня не отвечает' : 'Нет связи'}${time && `. Данные на ${time}`}. Спросите на выдаче.`,
  ],
};

export const t = { ...shared, ...choose(WORDS) };
