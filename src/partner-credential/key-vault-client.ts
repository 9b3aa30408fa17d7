import { DefaultAzureCredential } from '@azure/identity';
import { SecretClient, type SecretClientOptions } from '@azure/keyvault-secrets';
import { hiddenRetryAfterHeader } from './key-vault-failures.ts';

/** The identity by which the gateway gets into the vault. */
export type VaultIdentity = ConstructorParameters<typeof SecretClient>[1];

type PipelinePolicy = NonNullable<SecretClientOptions['additionalPolicies']>[number]['policy'];

const maxRetries = 2;
const longestWaitSeconds = 2;

/**
 * The SDK waits as long as a throttled answer asks, and that can be minutes. Beyond a short wait the wish is kept for
 * the caller under another name, so that the answer comes through at once.
 */
const giveUpOnLongWaits: PipelinePolicy = {
  name: 'giveUpOnLongWaits',
  async sendRequest(request, next) {
    const response = await next(request);
    const wish = response.headers.get('retry-after');
    if (wish !== undefined && !(Number(wish) <= longestWaitSeconds)) {
      response.headers.set(hiddenRetryAfterHeader, wish);
      response.headers.delete('retry-after');
    }
    return response;
  },
};

/**
 * The SDK's client, with few and short retries. Nothing of a secret is logged: the SDK's own log, which AZURE_LOG_LEVEL
 * switches on, leaves bodies and the Authorization header out.
 * @param identity the SDK's default chain (environment, workload, managed identity, the developer's tools) if left out
 */
export function createSecretClient(vaultUrl: string, identity?: VaultIdentity): SecretClient {
  // An emulator's addresses are none of Microsoft's: only for those is it not checked that the challenge names the
  // vault's own domain, nor that the authority is one of Microsoft's clouds.
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(vaultUrl).hostname);
  return new SecretClient(
    vaultUrl,
    identity ?? new DefaultAzureCredential({ disableInstanceDiscovery: isLoopback }),
    {
      disableChallengeResourceVerification: isLoopback,
      retryOptions: { maxRetries, retryDelayInMs: 200, maxRetryDelayInMs: 1_000 },
      redirectOptions: { maxRetries: 0 },
      additionalPolicies: [{ policy: giveUpOnLongWaits, position: 'perRetry' }],
    },
  );
}
