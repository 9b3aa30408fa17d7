import type { KeyVaultSecret } from '@azure/keyvault-secrets';
import { CredentialStoreError } from './credential-store-error.ts';
import type { PartnerCredential } from './ports.ts';

/** A version of the secret: the credential in it, and what the store needs to know beside it. */
export interface CredentialVersion {
  readonly version: string;
  readonly credential: PartnerCredential;
  readonly tags: Readonly<Record<string, string>>;
}

export interface CredentialOwner {
  readonly partnerTenantId: string;
  readonly clientId: string;
}

/** The names of the tags, which are what an operator sees in the portal. A secret has room for 15. */
export const previousVersionTag = 'previousVersion';
export const supersededByTag = 'supersededBy';

const maxTagLength = 256;

/** As Key Vault shows dates; unreadable ones, from an edit by hand, count as unknown. */
const parseTime = (text: string | undefined): number | undefined => {
  const time = Date.parse(text ?? '');
  return Number.isNaN(time) ? undefined : time;
};

/** A tag may hold anything; what is no GUID is not repeated. */
const toShown = (id: string | undefined) => (/^[0-9a-f-]{36}$/i.test(id ?? '') ? id : 'unknown');

export function toTags(
  { issuedAt, consentedAt, consentedBy, hasMfa }: PartnerCredential,
  { partnerTenantId, clientId }: CredentialOwner,
  previousVersion: string | undefined,
): Record<string, string> {
  return {
    partnerTenantId,
    clientId,
    issuedAt: new Date(issuedAt).toISOString(),
    ...(consentedAt !== undefined && { consentedAt: new Date(consentedAt).toISOString() }),
    ...(consentedBy !== undefined && { consentedBy: consentedBy.slice(0, maxTagLength) }),
    ...(hasMfa !== undefined && { hasMfa: String(hasMfa) }),
    ...(previousVersion !== undefined && { [previousVersionTag]: previousVersion }),
  };
}

/**
 * Reads a version. Microsoft's samples and its PowerShell module keep the bare refresh token, so one put there by hand
 * is read as it is: granted when the version was made, so that its renewals do not undo a later consent.
 * @param where names vault and secret, for messages
 * @throws {CredentialStoreError} `foreign`, `damaged`
 */
export function toCredentialVersion(
  { value, properties }: KeyVaultSecret,
  { partnerTenantId, clientId }: CredentialOwner,
  where: string,
): CredentialVersion {
  const tags: Readonly<Record<string, string | undefined>> = properties.tags ?? {};
  const owner = { partnerTenantId: tags['partnerTenantId'], clientId: tags['clientId'] };
  if (
    (owner.partnerTenantId ?? partnerTenantId) !== partnerTenantId ||
    (owner.clientId ?? clientId) !== clientId
  )
    throw new CredentialStoreError(
      'foreign',
      `${where} holds the credential of partner ${toShown(owner.partnerTenantId)}, application ${toShown(owner.clientId)}, as its tags say. Name another secret in CREDENTIAL_STORE, or set PARTNER_TENANT_ID and PARTNER_CLIENT_ID to these.`,
    );
  // A file read into the vault ends with a line break.
  const refreshToken = value?.trim() ?? '';
  // Quotes and braces are what a JSON document of some other tool would have.
  if (!/^[\x21\x23-\x7a\x7c\x7e]+$/.test(refreshToken) || !properties.version)
    throw new CredentialStoreError(
      'damaged',
      `${where} does not hold a refresh token alone. Put the bare token there, or name another secret in CREDENTIAL_STORE.`,
    );
  const madeAt = (properties.createdOn ?? properties.updatedOn)?.getTime() ?? 0;
  const issuedAt = parseTime(tags['issuedAt']);
  const consentedAt = parseTime(tags['consentedAt']) ?? (issuedAt === undefined ? madeAt : undefined);
  return {
    version: properties.version,
    tags: properties.tags ?? {},
    credential: {
      refreshToken,
      issuedAt: issuedAt ?? madeAt,
      ...(consentedAt !== undefined && { consentedAt }),
      ...(tags['consentedBy'] !== undefined && { consentedBy: tags['consentedBy'] }),
      ...(['true', 'false'].includes(tags['hasMfa'] ?? '') && { hasMfa: tags['hasMfa'] === 'true' }),
    },
  };
}
