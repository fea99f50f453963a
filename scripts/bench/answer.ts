import { request } from 'node:http';

/** Asks a proxy for a host, on a connection of its own. Returns the name of the backend that answered; undefined where none did. */
export async function backendOf(port: number, host: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, headers: { host }, agent: false, timeout: 2000 }, (answer) => {
      answer.resume();
      const name = answer.headers['x-backend'];
      answer.once('end', () => resolve(typeof name === 'string' ? name : undefined));
      answer.once('error', () => resolve(undefined));
    });
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(undefined));
    asked.end();
  });
}
