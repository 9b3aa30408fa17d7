/** Looks for secrets where none may be: in logs, responses and pages. */
export interface SecretSearch {
  /** @param name what it is called where it is found: the value itself is not shown */
  add(name: string, secret: string): void;
  /** A text that must hold no secret; `place` names it. */
  read(place: string, text: string): void;
  /** How many secrets and texts there are, so that a test can see that it searched at all. */
  size(): { readonly secrets: number; readonly texts: number };
  /** Throws, naming each secret and the place where it was found. */
  expectNone(): void;
}

const shortestSecret = 8;

/** The forms in which a value can slip out: as it is, in a URL, in JSON, in base64. */
const formsOf = (secret: string): string[] => [
  ...new Set([
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    Buffer.from(secret).toString('hex'),
  ]),
];

export function createSecretSearch(): SecretSearch {
  const secrets = new Map<string, string>();
  const texts: { readonly place: string; readonly text: string }[] = [];
  return {
    add(name, secret) {
      if (secret.length < shortestSecret) throw new Error(`${name} is too short to be looked for`);
      secrets.set(secret, name);
    },
    read: (place, text) => void texts.push({ place, text }),
    size: () => ({ secrets: secrets.size, texts: texts.length }),
    expectNone() {
      const whole = texts.map(({ text }) => text).join('\n');
      const found = [...secrets].flatMap(([secret, name]) => {
        const forms = formsOf(secret).filter((form) => whole.includes(form));
        return texts
          .filter(({ text }) => forms.some((form) => text.includes(form)))
          .map(({ place }) => `${name} in ${place}`);
      });
      if (found.length > 0) throw new Error(`Secrets have leaked: ${[...new Set(found)].join('; ')}`);
    },
  };
}
