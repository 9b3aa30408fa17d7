import { CredentialStoreError } from './credential-store-error.ts';

/** What the vault, or the way to it, said. The SDK's own errors carry the request with the token in it: not kept. */
interface Refusal {
  readonly name: string;
  readonly status: number | undefined;
  readonly code: string;
  readonly innerCode: string;
  readonly retryAfterSeconds: number | undefined;
  readonly message: string;
}

export interface VaultNames {
  readonly vaultUrl: string;
  readonly secretName: string;
}

/** Where the vault's wish to be left alone stands after `giveUpOnLongWaits` hid it from the SDK's retries. */
export const hiddenRetryAfterHeader = 'x-hidden-retry-after';

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function toRefusal(error: unknown): Refusal {
  const status = field(error, 'statusCode');
  const vaultError = field(field(error, 'details'), 'error');
  const headers: unknown = field(field(error, 'response'), 'headers');
  const get = field(headers, 'get');
  const header = (name: string) =>
    typeof get === 'function' ? Number(get.call(headers, name) ?? Number.NaN) : 0;
  const retryAfterSeconds = header(hiddenRetryAfterHeader) || header('retry-after');
  return {
    name: text(field(error, 'name')),
    status: typeof status === 'number' ? status : undefined,
    code: text(field(vaultError, 'code')) || text(field(error, 'code')),
    innerCode: text(field(field(vaultError, 'innerError'), 'code')),
    retryAfterSeconds: retryAfterSeconds > 0 ? retryAfterSeconds : undefined,
    message: text(field(error, 'message')),
  };
}

/** Whether the answer was that there is no such secret, or no such version. */
export const isNotFound = (error: unknown): boolean => field(error, 'statusCode') === 404;

/** Whether a version was asked for that is disabled. */
export const isDisabled = (error: unknown): boolean => toRefusal(error).innerCode === 'SecretDisabled';

const outageWords =
  /network|endpoints_resolution|openid_config|ENOTFOUND|ECONN|ETIMEDOUT|temporarily_unavailable|post_request_failed|50\d/;

/** The identity could not be had: nobody to be, or Entra ID is not there, or it refuses. */
function toIdentityFailure({ message, status }: Refusal): CredentialStoreError {
  const aadsts = /AADSTS\d+/.exec(message)?.[0];
  if (!aadsts && (outageWords.test(message) || (status ?? 0) >= 500))
    return new CredentialStoreError(
      'unreachable',
      'Entra ID could not be reached for the gateway’s own identity, which Key Vault asks for. It is tried again.',
    );
  return new CredentialStoreError(
    'unauthenticated',
    `The gateway has no identity for Key Vault${aadsts ? ` (${aadsts})` : ''}: give it a managed identity, or set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET.`,
  );
}

function toForbidden({ innerCode }: Refusal, { vaultUrl, secretName }: VaultNames): CredentialStoreError {
  if (innerCode === 'SecretDisabled')
    return new CredentialStoreError(
      'deleted',
      `The current version of secret ${secretName} at ${vaultUrl} is disabled. Enable it, or put a working refresh token there as a new version.`,
    );
  if (innerCode === 'ForbiddenByFirewall' || innerCode === 'ForbiddenByConnection')
    return new CredentialStoreError(
      'forbidden',
      `${vaultUrl} refuses the gateway’s network address (${innerCode}). Allow it in the vault’s network settings, or give the gateway a private endpoint.`,
    );
  return new CredentialStoreError(
    'forbidden',
    `${vaultUrl} refuses the gateway’s identity${innerCode && ` (${innerCode})`}. Grant it getting and setting secret ${secretName}.`,
  );
}

/** Says in words what a failed call to Key Vault means, without anything of the call itself. */
export function toVaultFailure(error: unknown, names: VaultNames): CredentialStoreError {
  if (error instanceof CredentialStoreError) return error;
  const { vaultUrl, secretName } = names;
  const refusal = toRefusal(error);
  const { name, status, code, retryAfterSeconds } = refusal;
  const wait = retryAfterSeconds === undefined ? {} : { retryAfterSeconds };
  if (/Credential|Authentication/.test(name)) return toIdentityFailure(refusal);
  if (status === 401)
    return new CredentialStoreError(
      'unauthenticated',
      `${vaultUrl} does not accept the tokens of the gateway’s identity: it must belong to the tenant of the vault.`,
    );
  if (status === 403) return toForbidden(refusal, names);
  if (status === 409)
    return new CredentialStoreError(
      'deleted',
      `Secret ${secretName} at ${vaultUrl} is deleted and can be recovered. Recover or purge it, or name another secret in CREDENTIAL_STORE.`,
    );
  if (status === 429)
    return new CredentialStoreError('busy', `${vaultUrl} is throttling. It is tried again.`, wait);
  if (code === 'ENOTFOUND')
    return new CredentialStoreError(
      'notFound',
      `There is no vault at ${vaultUrl}: its name is not known. Check CREDENTIAL_STORE, and the name resolution if the vault has a private endpoint.`,
    );
  if (name === 'AbortError' || code === 'ETIMEDOUT')
    return new CredentialStoreError('unreachable', `${vaultUrl} does not answer in time.`);
  if (status !== undefined && (status >= 500 || status === 408))
    return new CredentialStoreError(
      'unreachable',
      `${vaultUrl} has trouble of its own (HTTP ${status}).`,
      wait,
    );
  const what = [status && `HTTP ${status}`, code].filter(Boolean).join(' ');
  return new CredentialStoreError(
    'unreachable',
    `${vaultUrl} cannot be reached, or gives no answer that can be read${what && ` (${what})`}.`,
    name === 'RestError' ? {} : { cause: error },
  );
}
