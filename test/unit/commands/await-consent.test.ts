import { describe, expect, it } from '@jest/globals';
import { type AwaitConsentParts, awaitConsent } from '../../../src/commands/await-consent.ts';

const granted = { isGranted: true, reason: 'granted', detail: 'Connected as ada@partner.example.' };
const refused = { isGranted: false, reason: 'mfaMissing', detail: 'No second factor.' };

/** A sign-in that is looked at so often before its end can be seen. */
function wait({
  end = undefined as typeof granted | undefined,
  looks = 0,
  isTaken = false,
  ...changes
}: Partial<AwaitConsentParts> & { end?: typeof granted; looks?: number; isTaken?: boolean } = {}) {
  let left = looks;
  let time = 0;
  const told: string[] = [];
  const outcome = awaitConsent({
    sessions: {
      take: async () => (isTaken ? undefined : {}),
      findEnd: async () => {
        time += 10;
        left -= 1;
        return left < 0 ? end : undefined;
      },
    },
    stateHash: 'hash',
    expiresAt: 1_000,
    interrupted: new AbortController().signal,
    onFinishing: () => void told.push('finishing'),
    now: () => time,
    pollMs: 0,
    finishingMs: 200,
    ...changes,
  });
  return { outcome, told };
}

describe('waiting for a consent', () => {
  it('ends with who has connected', async () => {
    const { outcome, told } = wait({ end: granted, looks: 5 });
    expect(await outcome).toBe('Connected as ada@partner.example.');
    expect(told).toEqual([]);
  });

  it('ends with why it was refused', async () => {
    await expect(wait({ end: refused }).outcome).rejects.toThrow(/refused \(mfaMissing\)/);
  });

  it('that expires, or is stopped, takes the address out of use', async () => {
    await expect(wait().outcome).rejects.toThrow('Nobody has signed in. Nothing was changed.');
    await expect(wait({ interrupted: AbortSignal.abort() }).outcome).rejects.toThrow('nothing was changed');
  });

  it.each([
    ['expires', { looks: 105 }],
    ['is stopped', { looks: 5, interrupted: AbortSignal.abort() }],
  ])('that %s while the sign-in is being finished tells its end', async (_what, parts) => {
    const { outcome, told } = wait({ end: granted, isTaken: true, ...parts });
    expect(await outcome).toBe('Connected as ada@partner.example.');
    expect(told).toEqual(['finishing']);
    await expect(wait({ end: refused, isTaken: true, ...parts }).outcome).rejects.toThrow('mfaMissing');
  });

  it('claims nothing where the end does not come', async () => {
    const { outcome } = wait({ isTaken: true, interrupted: AbortSignal.abort() });
    await expect(outcome).rejects.toThrow(/may be granted yet.*status/);
  });
});
