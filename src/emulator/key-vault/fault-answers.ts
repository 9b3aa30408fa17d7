import { type VaultAnswer, vaultError } from './answers.ts';
import type { OrderedFault } from './fault-queue.ts';

/** What becomes of a call: an answer, silence, or a destroyed connection. */
export type VaultOutcome = VaultAnswer | 'no-answer' | 'connection-reset';

/** @param perform does what was asked, for faults that happen afterwards */
export function playFault({ fault, retryAfterSeconds }: OrderedFault, perform: () => void): VaultOutcome {
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  switch (fault) {
    case 'forbidden':
      return vaultError(
        403,
        'Forbidden',
        'Caller is not authorized to perform action on resource.',
        'ForbiddenByRbac',
      );
    case 'forbidden-by-firewall':
      return vaultError(
        403,
        'Forbidden',
        'Client address is not authorized and caller is not a trusted service.',
        'ForbiddenByFirewall',
      );
    case 'throttled':
      return {
        ...vaultError(
          429,
          'Throttled',
          'Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached',
        ),
        headers,
      };
    case 'server-error':
      return vaultError(500, 'InternalServerError', 'An internal error occurred.');
    case 'unavailable':
      return { ...vaultError(503, 'ServiceUnavailable', 'The service is unavailable.'), headers };
    case 'not-json':
      return {
        status: 200,
        headers: { 'Content-Type': 'text/html; charset=utf-8' },
        text: '<html><body>Sign in to the network</body></html>',
      };
    case 'reset-after':
      perform();
      return 'connection-reset';
    case 'reset-before':
      return 'connection-reset';
    case 'never-answers':
      return 'no-answer';
  }
}
