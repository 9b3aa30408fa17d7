import { expect, it } from '@jest/globals';
import type { Answer } from './order-client.ts';
import type { PlannedOrder, Sender } from './planned-order.ts';
import { type CreateCall, type Facts, judge, type Verdict } from './verdict.ts';

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

const create: CreateCall = {
  requestId: 'request',
  customerId: 'customer',
  sentBy: 'gateway 0',
  at: 1_000,
  endedAt: 1_600,
};

/** A run of one order in which everything is right; a case names only what it breaks. */
const sound: Facts = {
  orders: [order],
  answers: [answer, { ...answer, isRepeat: true }],
  misuses: [{ sender, status: 422, code: 'idempotency_key_reused', isRepeat: true }],
  upgrades: [{ upgradeId: 'upgrade', customerId: 'customer', requestId: 'request' }],
  creates: [create],
  ledger: { orders: [row], upgrades: [{ upgrade_id: 'upgrade', order_id: 'order' }] },
};
const toKinds = (verdict: Verdict) =>
  Object.entries(verdict)
    .filter(([, found]) => found.length > 0)
    .map(([kind]) => kind);

it('a sound run has no violations', () => {
  expect(judge(sound)).toEqual({ lost: [], doubled: [], contradictions: [], stuck: [] });
});

it.each<[string, Partial<CreateCall>]>([
  ['the gateway itself', { at: create.at + 500 }],
  ['another one when its call was over', { sentBy: 'gateway 1', at: create.endedAt }],
])('a call that is repeated by %s is none', (_who, repetition) => {
  expect(toKinds(judge({ ...sound, creates: [create, { ...create, ...repetition }] }))).toEqual([]);
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
    { creates: [...sound.creates, { ...create, requestId: 'unheard-of' }] },
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
      creates: [...sound.creates, { ...create, requestId: 'again' }],
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
    'an order that two gateways work at',
    { creates: [create, { ...create, sentBy: 'gateway 1', at: create.at + 500 }] },
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
