/** What the pickup screen says. */

import { choose, t as shared } from './words.js';

const WORDS = {
  sound: ['Sound', 'Звук'],
  boardTitle: ['Pickup', 'Выдача'],
  preparing: ['Preparing', 'Готовятся'],
  ready: ['Ready', 'Готовы'],
  noneReady: ['Soon', 'Скоро'],
  staleNumbers: [
    (time) => `No news since ${time}. Please ask at the counter.`,
    (time) => `Новостей нет с ${time}. Спросите у стойки.`,
  ],
  noneReadyHint: ['Numbers appear here when they are ready', 'Здесь появятся готовые номера'],
  nonePreparing: ['The stove is free', 'Плита свободна'],
  nowReady: [(n) => `Number ${n} is ready`, (n) => `Номер ${n} готов`],
  page: [(n, of) => `${n} of ${of}`, (n, of) => `${n} из ${of}`],
};

export const t = { ...shared, ...choose(WORDS) };
