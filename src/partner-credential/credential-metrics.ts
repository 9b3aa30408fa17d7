import type { MetricRegistry } from '../telemetry/metrics.ts';
import type { Diagnose } from './diagnosis.ts';
import type { RenewalOutcome } from './ports.ts';
import { credentialStates } from './verdicts.ts';

/** Counts attempts to renew the partner credential, by what became of them. */
export function createRenewalCounter(metrics: MetricRegistry): (outcome: RenewalOutcome) => void {
  const count = metrics.counter(
    'upgrade_gateway_partner_credential_renewals_total',
    'Attempts to renew the partner credential, by outcome.',
    'outcome',
    ['renewed', 'consentRequired', 'mfaRequired', 'operatorRequired', 'unreachable'],
  );
  return (outcome) => count(outcome);
}

/** The doctor's findings as gauges. A figure that is not known is left out, so that an alarm on it can tell. */
export function addCredentialGauges(metrics: MetricRegistry, diagnose: Diagnose, now: () => number): void {
  metrics.gauge(
    'upgrade_gateway_partner_credential_age_seconds',
    'Time since the partner credential was last renewed.',
    async () => {
      const { lastRenewedAt } = await diagnose();
      return lastRenewedAt === undefined ? undefined : Math.max(0, now() - lastRenewedAt) / 1000;
    },
  );
  metrics.gauge(
    'upgrade_gateway_partner_credential_remaining_seconds',
    'Time until the partner credential expires if it is not renewed.',
    async () => {
      const { expiresAt } = await diagnose();
      return expiresAt === undefined ? undefined : Math.max(0, expiresAt - now()) / 1000;
    },
  );
  metrics.gauge(
    'upgrade_gateway_partner_client_certificate_remaining_seconds',
    'Time until the client certificate expires.',
    async () => {
      const { clientCertificateExpiresAt: end } = await diagnose();
      return end === undefined ? undefined : Math.max(0, end - now()) / 1000;
    },
  );
  metrics.gauge(
    'upgrade_gateway_partner_credential_has_mfa',
    'Whether the partner credential carries MFA: 1 or 0.',
    async () => {
      const { hasMfa } = await diagnose();
      return hasMfa === undefined ? undefined : Number(hasMfa);
    },
  );
  metrics.gauge(
    'upgrade_gateway_partner_credential_state',
    'The state of the partner credential: 1 for the one that it is in, 0 for the others.',
    async () => {
      const { state } = await diagnose();
      return Object.fromEntries(credentialStates.map((each) => [each, Number(each === state)]));
    },
    'state',
  );
}
