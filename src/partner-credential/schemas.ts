import { z } from 'zod';
import type { Diagnosis } from './diagnosis.ts';
import { credentialStates } from './verdicts.ts';

// One schema is type and documentation.

const time = (description: string) => z.iso.datetime().meta({ description });

export const begunConsent = z
  .strictObject({
    authorizationUrl: z.url().meta({ description: 'Where an admin agent of the partner signs in, once.' }),
    expiresAt: time('Until when the sign-in must be finished.'),
  })
  .meta({ id: 'BegunConsent' });

export const partnerConsent = z
  .strictObject({
    state: z.enum(credentialStates).meta({
      description:
        '`connected`; `expiring`: it works, and will not for long; `consentRequired`: an admin agent must sign in; `operatorRequired`: the gateway’s registration, settings or store must be fixed; `unreachable`: Entra ID or the credential store is down.',
    }),
    detail: z.string().meta({ description: 'What is the case.' }),
    whatToDo: z.string().meta({ description: 'Who must do what.' }),
    connectedAs: z
      .string()
      .optional()
      .meta({ description: 'Who consented.', example: 'ada@partner.example' }),
    connectedSince: time('When they did.').optional(),
    lastRenewedAt: time('When Entra ID issued the newest refresh token.').optional(),
    expiresAt: time('When the credential dies at the latest, if it is not renewed until then.').optional(),
    hasMfa: z.boolean().optional().meta({ description: 'Whether the sign-in carried MFA.' }),
    partnerCenter: z
      .strictObject({
        checkedAt: time('When Partner Center was asked.'),
        answer: z.enum(['accepted', 'mfaRequired', 'refused', 'unreachable']),
        isMfaCompliant: z
          .boolean()
          .optional()
          .meta({ description: 'Its own answer to `ValidateMfa: true`.' }),
        detail: z.string().optional(),
      })
      .optional()
      .meta({ description: 'What Partner Center last said to the credential’s token.' }),
    clientCertificateExpiresAt: time('When the application’s certificate ends.').optional(),
    failingSince: time('Since when renewals have failed.').optional(),
    failureCode: z
      .string()
      .optional()
      .meta({ description: 'Microsoft’s code for it.', example: 'AADSTS700082' }),
  })
  .meta({ id: 'PartnerConsent', description: 'How the partner credential is; there is no secret in it.' });

const toTime = (timestamp: number) => new Date(timestamp).toISOString();

/** The diagnosis as it is answered. */
export function toPartnerConsent(diagnosis: Diagnosis): z.infer<typeof partnerConsent> {
  const { connectedSince, lastRenewedAt, expiresAt, clientCertificateExpiresAt, failingSince, ...rest } =
    diagnosis;
  const { partnerCenter, publicDetail: _publicDetail, ...plain } = rest;
  const times = { connectedSince, lastRenewedAt, expiresAt, clientCertificateExpiresAt, failingSince };
  return {
    ...plain,
    ...Object.fromEntries(
      Object.entries(times).flatMap(([name, timestamp]) =>
        timestamp === undefined ? [] : [[name, toTime(timestamp)]],
      ),
    ),
    ...(partnerCenter && { partnerCenter: { ...partnerCenter, checkedAt: toTime(partnerCenter.checkedAt) } }),
  };
}
