import { connect } from 'node:net';
import { text } from 'node:stream/consumers';

/** Sends bytes as they are, and reads what comes back until the other side closes. */
export async function sendRaw(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.end(lines.join('\r\n'));
  return text(socket);
}

/** The status, the header lines and the problem of an answer as it came over the wire. */
export function readProblem(answer: string) {
  const headers = answer.slice(0, answer.indexOf('\r\n\r\n'));
  return {
    status: Number(headers.split(' ')[1]),
    headers,
    body: JSON.parse(answer.slice(answer.indexOf('{'))) as Record<string, unknown>, // a problem is an object
  };
}
