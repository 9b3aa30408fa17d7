import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, OrderClient } from './order-client.ts';
import { type PlannedOrder, planOrder } from './planned-order.ts';
import type { Random } from './random.ts';

export interface TrafficParts {
  readonly orders: number;
  readonly kills: number;
  readonly clients: number;
  readonly client: OrderClient;
  readonly random: Random;
  /** How many gateways have been killed by now. */
  readonly killed: () => number;
  readonly givingUp: AbortSignal;
  readonly onAnswered: (answered: number) => void;
}

/** How far the orders are. */
export interface Progress {
  readonly started: number;
  readonly answered: number;
}

/** Clients that order, all at once, as fast as gateways are killed. */
export interface Traffic {
  run(beforeOrder: () => void): Promise<void>;
  /** Resolves when the last order has been started and enough gateways have been killed. */
  readonly allStarted: Promise<unknown>;
  /** Sends every key once more that was answered 202. */
  repeatAll(): Promise<void>;
  until(isTrue: () => Promise<boolean>): Promise<void>;
  progress(): Progress;
  facts(): {
    readonly orders: readonly PlannedOrder[];
    readonly answers: readonly Answer[];
    readonly misuses: readonly Answer[];
  };
}

// So many orders may be ahead of the kills: they shall last as long as each other.
const ahead = 30;

export function createTraffic({
  orders: wanted,
  kills,
  clients,
  client,
  random,
  killed,
  givingUp,
  onAnswered,
}: TrafficParts): Traffic {
  const orders: PlannedOrder[] = [];
  const answers: Answer[] = [];
  const misuses: Answer[] = [];
  const doneWith = Promise.withResolvers<void>();
  let answered = 0;

  const mayStart = () => orders.length < Math.min(wanted, ahead + (killed() / kills) * wanted);
  const isOver = () => givingUp.aborted || orders.length >= wanted;
  const wait = (ms: number) => sleep(ms, undefined, { signal: givingUp }).catch(() => undefined);

  async function repeat(answer: Answer) {
    const again = await client.order(answer.sender, { isRepeat: true });
    // Its sender has no other way to be without an answer than the end of the run.
    answers.push(again ?? { sender: answer.sender, status: 0, isRepeat: true });
  }

  /** The same key for another customer, which must come to nothing. */
  async function misuse({ sender }: Answer, customerId: string) {
    const answer = await client.order({ ...sender, customerId }, { isRepeat: true });
    if (answer) misuses.push(answer);
  }

  async function place(order: PlannedOrder, choices: Random) {
    const given = await Promise.all(order.senders.map((sender) => client.order(sender)));
    const found = given.filter((answer) => answer !== undefined);
    answers.push(...found);
    if (found.length === order.senders.length) onAnswered(++answered);
    const [first] = found;
    if (first?.status !== 202 || first.sender.key === undefined) return;
    if (choices.chance(0.1)) {
      await wait(choices.between(0, 2_000));
      await repeat(first);
    }
    if (choices.chance(0.03)) await misuse(first, choices.guid());
  }

  async function runClient(beforeOrder: () => void) {
    for (;;) {
      while (!mayStart() && !isOver()) await wait(20);
      if (isOver()) return;
      const choices = random.fork(`order ${orders.length}`);
      const order = planOrder(orders.length, choices);
      orders.push(order);
      beforeOrder();
      await place(order, choices);
    }
  }

  async function watchStart() {
    while (!isOver() || (killed() < kills && !givingUp.aborted)) await sleep(20);
    doneWith.resolve();
  }

  return {
    allStarted: doneWith.promise,
    async run(beforeOrder) {
      void watchStart();
      await Promise.all(Array.from({ length: clients }, () => runClient(beforeOrder)));
    },

    async repeatAll() {
      const finished = answers.filter(
        ({ status, isRepeat, sender }) => status === 202 && !isRepeat && sender.key !== undefined,
      );
      const work = async () => {
        for (let next = finished.pop(); next && !givingUp.aborted; next = finished.pop()) await repeat(next);
      };
      await Promise.all(Array.from({ length: 16 }, work));
    },

    async until(isTrue) {
      while (!givingUp.aborted && !(await isTrue())) await wait(200);
    },

    progress: () => ({ started: orders.length, answered }),
    facts: () => ({ orders, answers, misuses }),
  };
}
