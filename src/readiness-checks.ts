import type { SigningKeys } from './callers/signing-keys.ts';
import { LedgerUnavailableError } from './errors.ts';
import type { HealthCheckResult, HealthChecks } from './http/health.ts';
import type { PartnerConnection } from './partner-credential/partner-connection.ts';
import { checkCredential } from './partner-credential/readiness.ts';
import type { Ledger } from './product-upgrades/ports.ts';

export interface ReadinessParts {
  readonly ledger: Ledger;
  readonly signingKeys: SigningKeys;
  readonly partnerConnection: PartnerConnection;
  readonly stopping: AbortSignal;
}

async function checkLedger(ledger: Ledger): Promise<HealthCheckResult> {
  try {
    await ledger.check();
    return { status: 'ok' };
  } catch (error) {
    if (error instanceof LedgerUnavailableError) return { status: 'failing', detail: error.message };
    throw error;
  }
}

async function checkCallerKeys(signingKeys: SigningKeys): Promise<HealthCheckResult> {
  if (!signingKeys.current) await signingKeys.refresh();
  return signingKeys.current
    ? { status: 'ok' }
    : {
        status: 'failing',
        detail: 'Entra ID’s signing keys could not be fetched yet: no caller can be let in.',
      };
}

/** What an instance needs to serve upgrades, each by name. */
export const createReadinessChecks = ({
  ledger,
  signingKeys,
  partnerConnection,
  stopping,
}: ReadinessParts): HealthChecks => ({
  process: () =>
    stopping.aborted ? { status: 'failing', detail: 'The gateway is stopping.' } : { status: 'ok' },
  ledger: () => checkLedger(ledger),
  callerKeys: () => checkCallerKeys(signingKeys),
  partnerCredential: () => checkCredential(partnerConnection),
});
