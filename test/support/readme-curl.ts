import { readFileSync } from 'node:fs';

/** A curl command as fetch() takes it. */
export interface CurlCommand {
  readonly url: string;
  readonly init: RequestInit;
}

/** Words of a shell command: bare, in single quotes, or in double quotes with variables. */
function toWords(command: string, variables: Readonly<Record<string, string>>): string[] {
  const expand = (text: string) =>
    text
      .replace(/\$\{(\w+)%\/status\}/, (_, name: string) => (variables[name] ?? '').replace(/\/status$/, ''))
      .replace(/\$(\w+)/g, (_, name: string) => variables[name] ?? '');
  return [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, bare]) => single ?? expand(double ?? bare ?? ''),
  );
}

/** The curl commands of a chapter of the README, in their order. */
export function readCurlCommands(chapter: string): readonly string[] {
  const [, text = ''] = readFileSync('README.md', 'utf8').split(`## ${chapter}\n`);
  const shell = [...(text.split('\n## ')[0] ?? '').matchAll(/```sh\n(.*?)```/gs)].map(([, code]) => code);
  return shell
    .join('\n')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter((line) => line.startsWith('curl '));
}

export function parseCurl(command: string, variables: Readonly<Record<string, string>>): CurlCommand {
  const [, ...words] = toWords(command, variables);
  const headers = new Headers();
  let url = '';
  let body: string | undefined;
  while (words.length > 0) {
    const word = words.shift() ?? '';
    if (word === '-H')
      headers.append(...((words.shift() ?? '').split(': ', 2) as [string, string])); // name and value
    else if (word === '-d') body = words.shift();
    else if (!word.startsWith('-')) url = word;
  }
  return { url, init: { headers, ...(body !== undefined && { method: 'POST', body }) } };
}
