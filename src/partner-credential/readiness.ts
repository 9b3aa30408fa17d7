import { setTimeout as sleep } from 'node:timers/promises';
import type { PartnerConnection } from './partner-connection.ts';

/** How the credential affects readiness: never so that the gateway is taken out of service. */
export interface CredentialReadiness {
  readonly status: 'ok' | 'degraded';
  readonly detail?: string;
}

/** How long readiness waits for a token: its own limit is two seconds. */
const tokenWaitMs = 1_000;

/** No other instance has a better credential: one that does not work degrades the gateway and gives the reason. */
export async function checkCredential({
  credential,
  diagnose,
}: Pick<PartnerConnection, 'credential' | 'diagnose'>): Promise<CredentialReadiness> {
  await Promise.race([
    credential.getToken().catch(() => undefined), // the diagnosis tells
    sleep(tokenWaitMs, undefined, { ref: false }),
  ]);
  const { state, detail, publicDetail = detail, whatToDo } = await diagnose();
  const { lastSuccessAt, failure } = credential.facts();
  if (lastSuccessAt === undefined && !failure)
    return { status: 'degraded', detail: 'Entra ID has not answered the first request for a token yet.' };
  if (state === 'connected') return { status: 'ok' };
  return { status: 'degraded', detail: `${publicDetail} ${whatToDo}` };
}
