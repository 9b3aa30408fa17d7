/** A failed attempt: it is answered by its error until the hold-off is over. */
interface HoldOff {
  readonly error: unknown;
  readonly failures: number;
  readonly until: number;
}

/** How long to leave Entra ID alone after a failure, in milliseconds. */
export interface HoldOffRule {
  /** What one refusal or outage costs; `failures` counts this one too. */
  toHoldOffMs(error: unknown, failures: number): number;
  readonly now: () => number;
}

/** Remembers which refresh tokens failed, so that bad credentials are not hammered. Another token is tried at once. */
export interface HoldOffs {
  /** The error of the last attempt, while it is too early for another one. */
  find(refreshToken: string): { readonly error: unknown } | undefined;
  add(refreshToken: string, error: unknown): void;
  /** This token has worked; what is known of others stays. */
  clear(refreshToken: string): void;
}

const mostRemembered = 8;

export function createHoldOffs({ toHoldOffMs, now }: HoldOffRule): HoldOffs {
  const holdOffs = new Map<string, HoldOff>();
  return {
    find(refreshToken) {
      const held = holdOffs.get(refreshToken);
      return held && now() < held.until ? held : undefined;
    },
    add(refreshToken, error) {
      const failures = (holdOffs.get(refreshToken)?.failures ?? 0) + 1;
      holdOffs.delete(refreshToken);
      holdOffs.set(refreshToken, { error, failures, until: now() + toHoldOffMs(error, failures) });
      const [oldest] = holdOffs.keys();
      if (holdOffs.size > mostRemembered && oldest !== undefined) holdOffs.delete(oldest);
    },
    clear: (refreshToken) => void holdOffs.delete(refreshToken),
  };
}
