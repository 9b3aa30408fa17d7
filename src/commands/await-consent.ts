import { setTimeout as sleep } from 'node:timers/promises';

interface ConsentEnd {
  readonly isGranted: boolean;
  readonly reason: string;
  readonly detail: string;
}

export interface AwaitConsentParts {
  readonly sessions: {
    take(stateHash: string): Promise<object | undefined>;
    findEnd(stateHash: string): Promise<ConsentEnd | undefined>;
  };
  readonly stateHash: string;
  readonly expiresAt: number;
  /** Ends the waiting for somebody to sign in. */
  readonly interrupted: AbortSignal;
  /** Called where the waiting is over just as somebody has come back from the sign-in. */
  readonly onFinishing: () => void;
  readonly now?: () => number;
  readonly pollMs?: number;
  /** How long a sign-in that has come back is then waited for. */
  readonly finishingMs?: number;
}

/**
 * Waits until a consent has ended, it has expired, or somebody does not want to wait any longer.
 * @returns what to tell that person
 * @throws {Error} the partner is not connected by it, or that is not certain
 */
export async function awaitConsent({
  sessions,
  stateHash,
  expiresAt,
  interrupted,
  onFinishing,
  now = Date.now,
  pollMs = 500,
  finishingMs = 30_000,
}: AwaitConsentParts): Promise<string> {
  while (!interrupted.aborted && now() <= expiresAt) {
    const end = await sessions.findEnd(stateHash);
    if (end) return tell(end);
    await sleep(pollMs, undefined, { signal: interrupted }).catch(() => undefined);
  }
  // Whoever takes the session decides: once it is taken back here, the address is of no more use.
  if (await sessions.take(stateHash))
    throw new Error(
      interrupted.aborted
        ? 'Stopped. The address is of no more use; nothing was changed.'
        : 'Nobody has signed in. Nothing was changed.',
    );
  onFinishing();
  for (const giveUpAt = now() + finishingMs; ; await sleep(pollMs)) {
    const end = await sessions.findEnd(stateHash);
    if (end) return tell(end);
    if (now() >= giveUpAt)
      throw new Error(
        'Somebody has signed in, and the gateway had not finished with it by now: it may be granted yet. "npm run credential -- status" shows what became of it.',
      );
  }
}

function tell({ isGranted, reason, detail }: ConsentEnd): string {
  if (isGranted) return detail;
  throw new Error(`The consent was refused (${reason}). ${detail}`);
}
