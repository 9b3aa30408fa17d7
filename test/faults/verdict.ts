import type { Answer } from './order-client.ts';
import type { OrderKind, PlannedOrder, Sender } from './planned-order.ts';

/** An order as the ledger holds it at the end. */
export interface LedgerOrder {
  readonly order_id: string;
  readonly customer_id: string;
  readonly caller_object_id: string;
  readonly idempotency_key: string | null;
  readonly request_id: string;
  readonly state: string;
  readonly upgrade_id: string | null;
}

/** A create call that reached Partner Center. */
export interface CreateCall {
  readonly requestId: string;
  readonly customerId: string;
  /** Which gateway sent it. */
  readonly sentBy: string;
  /** From when until when it waited for its answer, in milliseconds. */
  readonly at: number;
  readonly endedAt: number;
}

/** Everything that is known at the end, from three sides. */
export interface Facts {
  /** What clients wanted, and what they were told. */
  readonly orders: readonly PlannedOrder[];
  readonly answers: readonly Answer[];
  /** What was answered to an accepted order's key when it came with another customer. */
  readonly misuses: readonly Answer[];
  /** What Partner Center did, and was asked to do. */
  readonly upgrades: readonly {
    readonly upgradeId: string;
    readonly customerId: string;
    readonly requestId: string | undefined;
  }[];
  readonly creates: readonly CreateCall[];
  /** What the gateways remember. */
  readonly ledger: {
    readonly orders: readonly LedgerOrder[];
    readonly upgrades: readonly { readonly upgrade_id: string; readonly order_id: string | null }[];
  };
}

export type Violation = 'lost' | 'doubled' | 'contradictions' | 'stuck';

/** Each violation in words. All lists are empty where no upgrade was lost and none was started twice. */
export type Verdict = Readonly<Record<Violation, readonly string[]>>;

/** What an order of this kind may come to. */
function isExpected(kind: OrderKind, { status, code, upgradeId }: Answer): boolean {
  const isAccepted = status === 202 && upgradeId !== undefined;
  // Somebody else's upgrade of the customer, or, without a key, one's own of an earlier try.
  const isInPlace = status !== 202 && /^upgrade_already_/.test(code ?? '') && upgradeId !== undefined;
  if (kind === 'refused') return status === 422 && code === 'customer_not_eligible';
  return isAccepted || (isInPlace && (kind === 'rivals' || kind === 'keyless'));
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  return Map.groupBy(items, keyOf);
}

const tell = ({ caller, key, customerId }: Sender) => `caller ${caller}, key ${key}, customer ${customerId}`;

function findLost({ upgrades, creates, ledger, answers }: Facts): string[] {
  const recorded = new Map(ledger.upgrades.map((upgrade) => [upgrade.upgrade_id, upgrade]));
  const answered = new Set(answers.map(({ upgradeId }) => upgradeId));
  const intended = new Set(ledger.orders.map(({ request_id }) => request_id));
  const unrecorded = new Set(creates.map(({ requestId }) => requestId).filter((id) => !intended.has(id)));
  return [
    ...upgrades.flatMap(({ upgradeId, customerId }) => {
      if (!recorded.has(upgradeId)) return [`the ledger lacks upgrade ${upgradeId} of ${customerId}`];
      if (!recorded.get(upgradeId)?.order_id) return [`the ledger has no order for upgrade ${upgradeId}`];
      return answered.has(upgradeId) ? [] : [`nobody was told of upgrade ${upgradeId} of ${customerId}`];
    }),
    ...[...unrecorded].map((id) => `MS-RequestId ${id} was sent without an intent in the ledger`),
  ];
}

function findDoubled({ upgrades, creates, ledger }: Facts): string[] {
  const ordersByRequest = new Map(ledger.orders.map((order) => [order.request_id, order]));
  const keyOf = (requestId: string | undefined) => {
    const order = ordersByRequest.get(requestId ?? '');
    return order?.idempotency_key == null ? undefined : `${order.caller_object_id} ${order.idempotency_key}`;
  };
  const started = new Map<string, string>(); // key → the MS-RequestId that started its upgrade
  for (const { requestId } of upgrades) {
    const key = keyOf(requestId);
    if (key !== undefined && requestId !== undefined) started.set(key, requestId);
  }
  // `creates` is in the order of time; what came before the one that was accepted was no second try of it.
  const seen = new Set<string>();
  const again = creates.filter(({ requestId }) => {
    const startedBy = started.get(keyOf(requestId) ?? '');
    if (startedBy === requestId) seen.add(requestId);
    return startedBy !== undefined && startedBy !== requestId && seen.has(startedBy);
  });
  const accepted = ledger.orders.filter(({ state }) => state === 'accepted');
  const several = [
    ...[...groupBy(upgrades, ({ customerId }) => customerId)].map(
      ([customerId, { length }]) => [`customer ${customerId}`, 'upgrades', length] as const,
    ),
    ...[...groupBy(accepted, ({ upgrade_id }) => String(upgrade_id))].map(
      ([upgradeId, { length }]) => [`upgrade ${upgradeId}`, 'accepted orders', length] as const,
    ),
  ];
  return [
    ...findMeetings(creates),
    ...several.flatMap(([what, of, count]) => (count > 1 ? [`${what} has ${count} ${of}`] : [])),
    ...again.map(
      ({ requestId, customerId }) =>
        `MS-RequestId ${requestId} ordered for ${customerId} again what was accepted before`,
    ),
  ];
}

// A gateway that is held up for longer than its lease lasts may come upon another one at work; that is not counted.
const meetingMs = 1_000;

/** Orders that two living gateways worked at, at the same time: a gateway that is killed ends its calls. */
function findMeetings(creates: readonly CreateCall[]): string[] {
  return [...groupBy(creates, ({ requestId }) => requestId)].flatMap(([requestId, calls]) =>
    calls.some((first) =>
      calls.some(
        ({ sentBy, at }) =>
          sentBy !== first.sentBy && at >= first.at && at < Math.min(first.endedAt, first.at + meetingMs),
      ),
    )
      ? [`two gateways worked at the order of MS-RequestId ${requestId} at a time`]
      : [],
  );
}

function findContradictions({ orders, answers, misuses, upgrades, ledger }: Facts): string[] {
  const upgradeOf = new Map(upgrades.map((upgrade) => [upgrade.customerId, upgrade.upgradeId]));
  const recorded = new Set(ledger.upgrades.map(({ upgrade_id }) => upgrade_id));
  const kindOf = new Map(
    orders.flatMap(({ kind, senders }) => senders.map((sender) => [sender, kind] as const)),
  );
  const startedBy = new Map(upgrades.map(({ requestId, upgradeId }) => [requestId, upgradeId]));
  const contradictions = answers.flatMap((answer) => {
    const { sender, upgradeId, status, code, isRepeat } = answer;
    const what = `${tell(sender)}: answered ${status} ${code ?? ''} ${upgradeId ?? ''}`;
    const kind = kindOf.get(sender);
    const found: string[] = [];
    if (kind && !isExpected(kind, answer))
      found.push(`${what}, which an order of kind ${kind} cannot come to`);
    if (isRepeat && status !== 202) found.push(`${what} when it was repeated after a 202`);
    if (upgradeId !== undefined && upgradeOf.get(sender.customerId) !== upgradeId)
      found.push(`${what}, and Partner Center has ${upgradeOf.get(sender.customerId) ?? 'none'}`);
    if (upgradeId !== undefined && !recorded.has(upgradeId)) found.push(`${what}, which the ledger lacks`);
    return found;
  });
  const winnerless = orders.filter(
    ({ kind, senders }) =>
      kind === 'rivals' && !answers.some(({ sender, status }) => senders.includes(sender) && status === 202),
  );
  const wrongRows = ledger.orders.filter(({ state, request_id, upgrade_id }) => {
    const actual = startedBy.get(request_id);
    return state === 'accepted'
      ? actual !== upgrade_id
      : actual !== undefined && !/^(intended|unknown)$/.test(state);
  });
  const mistaken = misuses.filter(({ status, code }) => status !== 422 || code !== 'idempotency_key_reused');
  return [
    ...contradictions,
    ...mistaken.map(({ sender, status }) => `${tell(sender)}: answered ${status} to a key of another body`),
    ...winnerless.map(({ index }) => `order ${index}: two callers raced and neither was answered 202`),
    ...wrongRows.map(
      ({ order_id, state, upgrade_id, request_id }) =>
        `the ledger’s order ${order_id} is ${state} ${upgrade_id ?? ''}; Partner Center has ${startedBy.get(request_id) ?? 'none'}`,
    ),
  ];
}

function findStuck({ orders, answers, ledger }: Facts): string[] {
  const answered = new Set(answers.map(({ sender }) => sender));
  const unanswered = orders.flatMap(({ senders }) => senders).filter((sender) => !answered.has(sender));
  const open = ledger.orders.filter(({ state }) => state === 'intended' || state === 'unknown');
  return [
    ...unanswered.map((sender) => `${tell(sender)}: no answer`),
    ...open.map(({ order_id, state }) => `the ledger’s order ${order_id} is still ${state}`),
  ];
}

/** Holds what clients were told, what Partner Center did and what the ledger says against each other. */
export function judge(facts: Facts): Verdict {
  return {
    lost: findLost(facts),
    doubled: findDoubled(facts),
    contradictions: findContradictions(facts),
    stuck: findStuck(facts),
  };
}
