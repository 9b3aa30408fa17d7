import { expect, it } from '@jest/globals';
import type { Answer } from './order-client.ts';
import type { PlannedOrder, Sender } from './planned-order.ts';
import { type Facts, judge, type Verdict } from './verdict.ts';

const sender: Sender = { caller: 0, customerId: 'customer', key: 'key', delayMs: 0 };
const order: PlannedOrder = { index: 0, kind: 'keyed', senders: [sender] };
const answer: Answer = { sender, status: 202, upgradeId: 'upgrade', isRepeat: false };
const row = {
  order_id: 'order',
  customer_id: 'customer',
  caller_object_id: 'alice',
  idempotency_key: 'key',
  request_id: 'request',
  state: 'accepted',
  upgrade_id: 'upgrade',
};

/** A run of one order in which everything is right; a case names only what it breaks. */
const sound: Facts = {
  orders: [order],
  answers: [answer, { ...answer, isRepeat: true }],
  misuses: [{ sender, status: 422, code: 'idempotency_key_reused', isRepeat: true }],
  upgrades: [{ upgradeId: 'upgrade', customerId: 'customer', requestId: 'request' }],
  creates: [{ requestId: 'request', customerId: 'customer' }],
  ledger: { orders: [row], upgrades: [{ upgrade_id: 'upgrade', order_id: 'order' }] },
};
const toKinds = (verdict: Verdict) =>
  Object.entries(verdict)
    .filter(([, found]) => found.length > 0)
    .map(([kind]) => kind);

it('a sound run has no violations', () => {
  expect(judge(sound)).toEqual({ lost: [], doubled: [], contradictions: [], stuck: [] });
});

const upgrade = { upgradeId: 'upgrade', customerId: 'customer', requestId: 'request' };
it.each<[string, Partial<Facts>, string[]]>([
  [
    'an upgrade that the ledger lacks',
    { ledger: { orders: [row], upgrades: [] } },
    ['lost', 'contradictions'],
  ],
  [
    'an upgrade whose order the ledger does not know',
    { ledger: { orders: [row], upgrades: [{ upgrade_id: 'upgrade', order_id: null }] } },
    ['lost'],
  ],
  [
    'an upgrade that nobody was told of',
    { upgrades: [...sound.upgrades, { ...upgrade, upgradeId: 'second', customerId: 'other' }] },
    ['lost', 'contradictions'],
  ],
  [
    'a create call without an intent in the ledger',
    { creates: [...sound.creates, { requestId: 'unheard-of', customerId: 'customer' }] },
    ['lost'],
  ],
  [
    'two upgrades of a customer',
    {
      upgrades: [{ ...upgrade, upgradeId: 'first' }, upgrade],
      ledger: {
        orders: [row],
        upgrades: [
          { upgrade_id: 'upgrade', order_id: 'order' },
          { upgrade_id: 'first', order_id: 'order' },
        ],
      },
    },
    ['lost', 'doubled'],
  ],
  [
    'one upgrade that two orders claim',
    {
      ledger: {
        orders: [row, { ...row, order_id: 'second', request_id: 'again', idempotency_key: null }],
        upgrades: sound.ledger.upgrades,
      },
    },
    ['doubled', 'contradictions'],
  ],
  [
    'a second create call for a key whose upgrade was accepted',
    {
      creates: [...sound.creates, { requestId: 'again', customerId: 'customer' }],
      ledger: {
        orders: [
          row,
          { ...row, order_id: 'second', request_id: 'again', state: 'refused', upgrade_id: null },
        ],
        upgrades: sound.ledger.upgrades,
      },
    },
    ['doubled'],
  ],
  [
    'an id that Partner Center never gave',
    { answers: [{ ...answer, upgradeId: 'made-up' }] },
    ['lost', 'contradictions'],
  ],
  [
    'two ids for one key',
    { answers: [answer, { ...answer, upgradeId: 'other', isRepeat: true }] },
    ['contradictions'],
  ],
  [
    'a key that stops working',
    { answers: [answer, { ...answer, status: 409, isRepeat: true }] },
    ['contradictions'],
  ],
  [
    'an order that meets itself',
    { answers: [{ ...answer, status: 409, code: 'upgrade_already_in_progress' }] },
    ['contradictions'],
  ],
  ['an answer that no client expects', { answers: [answer, { ...answer, status: 400 }] }, ['contradictions']],
  ['a key that takes another body', { misuses: [{ ...answer, isRepeat: true }] }, ['contradictions']],
  [
    'rivals of whom none wins',
    {
      orders: [{ ...order, kind: 'rivals' }],
      answers: [{ ...answer, status: 409, code: 'upgrade_already_in_progress' }],
    },
    ['contradictions'],
  ],
  [
    'an order that is given up although its upgrade exists',
    {
      ledger: {
        orders: [{ ...row, state: 'not-started', upgrade_id: null }],
        upgrades: sound.ledger.upgrades,
      },
    },
    ['contradictions'],
  ],
  ['an order without an answer', { answers: [] }, ['lost', 'stuck']],
  [
    'an order that stays open',
    { ledger: { orders: [{ ...row, state: 'unknown' }], upgrades: sound.ledger.upgrades } },
    ['stuck'],
  ],
])('%s is seen', (_what, broken, kinds) => {
  expect(toKinds(judge({ ...sound, ...broken }))).toEqual(kinds);
});
