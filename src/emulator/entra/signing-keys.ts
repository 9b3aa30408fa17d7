import { createPublicKey, generateKeyPair, type KeyObject, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

/** A tenant's RSA signing key. */
export interface SigningKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

const generate = promisify(generateKeyPair);

/** A new RSA-2048 key; its id has the form of Entra ID's (the base64url of a certificate's SHA-1 thumbprint). */
export async function createSigningKey(): Promise<SigningKey> {
  const { privateKey } = await generate('rsa', { modulusLength: 2048 });
  return {
    kid: randomBytes(20).toString('base64url'),
    privateKey,
    publicKey: createPublicKey(privateKey),
  };
}
