import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import type { CredentialStore, PartnerCredential, StoredCredential } from './ports.ts';
import { supersedes } from './supersedes.ts';

export interface FileCredentialStoreParts {
  readonly path: string;
  /** 32 bytes. */
  readonly key: Buffer;
  /** Binds the file to its partner: another partner's file does not open. */
  readonly partnerTenantId: string;
  readonly clientId: string;
}

/** The file is there and cannot be used. It is never overwritten: what is in it may be the only credential there is. */
export class CredentialFileError extends Error {
  override readonly name = 'CredentialFileError';
}

const algorithm = 'aes-256-gcm';
const base64 = z
  .string()
  .regex(/^[0-9A-Za-z+/]+=*$/)
  .transform((text) => Buffer.from(text, 'base64'));

const envelopeSchema = z.object({
  version: z.literal(1),
  partnerTenantId: z.string(),
  clientId: z.string(),
  nonce: base64,
  tag: base64,
  ciphertext: base64,
});
type Envelope = z.infer<typeof envelopeSchema>;

const credentialSchema: z.ZodType<PartnerCredential> = z.object({
  refreshToken: z.string().min(1),
  issuedAt: z.number(),
  consentedAt: z.number().exactOptional(),
  consentedBy: z.string().exactOptional(),
  hasMfa: z.boolean().exactOptional(),
});
const storedSchema: z.ZodType<StoredCredential> = z.object({
  current: credentialSchema,
  previous: credentialSchema.exactOptional(),
});

/** Keeps the partner credential in a file of its own, encrypted with AES-256-GCM under a fresh nonce, mode 0600. */
export function createFileCredentialStore({
  path,
  key,
  partnerTenantId,
  clientId,
}: FileCredentialStoreParts): CredentialStore {
  // Authenticated with the ciphertext, so that neither can be exchanged.
  const owner = Buffer.from(`1 ${partnerTenantId} ${clientId}`);

  function encrypt(stored: StoredCredential): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv(algorithm, key, nonce).setAAD(owner);
    const ciphertext = Buffer.concat([cipher.update(JSON.stringify(stored), 'utf8'), cipher.final()]);
    const toBase64 = (bytes: Buffer) => bytes.toString('base64');
    return `${JSON.stringify({
      version: 1,
      partnerTenantId,
      clientId,
      nonce: toBase64(nonce),
      tag: toBase64(cipher.getAuthTag()),
      ciphertext: toBase64(ciphertext),
    })}\n`;
  }

  function decrypt(envelope: Envelope): StoredCredential {
    if (envelope.partnerTenantId !== partnerTenantId || envelope.clientId !== clientId)
      throw new CredentialFileError(
        `${path} holds the credential of partner ${envelope.partnerTenantId}, application ${envelope.clientId}. Use another file, or set PARTNER_TENANT_ID and PARTNER_CLIENT_ID to these.`,
      );
    try {
      const decipher = createDecipheriv(algorithm, key, envelope.nonce, { authTagLength: 16 })
        .setAAD(owner)
        .setAuthTag(envelope.tag);
      const plain = Buffer.concat([decipher.update(envelope.ciphertext), decipher.final()]);
      return storedSchema.parse(JSON.parse(plain.toString('utf8')));
    } catch (cause) {
      throw new CredentialFileError(
        `${path} cannot be decrypted: CREDENTIAL_KEY is not the key that it was written with, or the file was changed.`,
        { cause },
      );
    }
  }

  async function load(): Promise<StoredCredential | undefined> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new CredentialFileError(`${path} cannot be read: ${error.code}.`, { cause: error });
    });
    return text === undefined ? undefined : decrypt(parseEnvelope(text, path));
  }

  return {
    load,
    async save(next) {
      const stored = await load(); // refuses to replace a file that it cannot read
      if (!supersedes(next, stored?.current)) return false;
      await writeAtomically(path, encrypt({ current: next, ...(stored && { previous: stored.current }) }));
      return true;
    },
  };
}

function parseEnvelope(text: string, path: string): Envelope {
  try {
    return envelopeSchema.parse(JSON.parse(text));
  } catch (cause) {
    throw new CredentialFileError(`${path} is not a partner credential, or is cut short.`, { cause });
  }
}

/** A crash at any point leaves the old file or the new one, whole: write beside it, sync, rename, sync the folder. */
async function writeAtomically(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(text, 'utf8');
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (process.platform === 'win32') return; // Windows cannot open a folder to sync it
  const directory = await open(folder, 'r');
  await directory.sync().finally(() => directory.close());
}
