import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { z } from 'zod';
import type { SignInSecrets } from './ports.ts';

/** Encrypts a sign-in's secrets for the time between its beginning and its end. */
export interface SessionSeal {
  seal(state: string, secrets: SignInSecrets): string;
  /** Undefined where it was sealed with another state or by a gateway with another secret. */
  open(state: string, sealed: string): SignInSecrets | undefined;
}

const secretsSchema: z.ZodType<SignInSecrets> = z.object({ codeVerifier: z.string(), nonce: z.string() });
const nonceBytes = 12;
const tagBytes = 16;

/** What a session is looked up by; the state itself is kept nowhere. */
export const hashState = (state: string): string => createHash('sha256').update(state).digest('base64url');

/**
 * AES-256-GCM under a key that takes both the application's own secret and the sign-in's `state` (HKDF, RFC 5869):
 * whoever reads the database has neither, and every instance of the gateway has the first.
 */
export function createSessionSeal(applicationSecret: Buffer): SessionSeal {
  const keyOf = (state: string) =>
    Buffer.from(hkdfSync('sha256', applicationSecret, state, 'partner consent session', 32));
  return {
    seal(state, secrets) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', keyOf(state), nonce);
      const ciphertext = Buffer.concat([cipher.update(JSON.stringify(secrets), 'utf8'), cipher.final()]);
      return Buffer.concat([nonce, cipher.getAuthTag(), ciphertext]).toString('base64url');
    },
    open(state, sealed) {
      try {
        const bytes = Buffer.from(sealed, 'base64url');
        const decipher = createDecipheriv('aes-256-gcm', keyOf(state), bytes.subarray(0, nonceBytes), {
          authTagLength: tagBytes,
        }).setAuthTag(bytes.subarray(nonceBytes, nonceBytes + tagBytes));
        const plain = Buffer.concat([
          decipher.update(bytes.subarray(nonceBytes + tagBytes)),
          decipher.final(),
        ]);
        return secretsSchema.parse(JSON.parse(plain.toString('utf8')));
      } catch {
        return undefined;
      }
    },
  };
}
