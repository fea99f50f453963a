import { request } from 'node:https';

/** How a client greets. */
export interface Hello {
  readonly sni?: string;
  readonly client?: { readonly cert: Buffer; readonly key: Buffer };
  readonly maxVersion?: 'TLSv1.2' | 'TLSv1.3';
}

/** The status and the echoed headers of a request over TLS; the error's code where there is none. */
export function askTls(
  at: number,
  name: string,
  path: string,
  { sni = name, client, maxVersion = 'TLSv1.3' }: Hello = {},
): Promise<{ readonly status: number | string; readonly cert?: unknown; readonly info?: unknown }> {
  return new Promise((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: at,
        path,
        headers: { host: name },
        servername: sni,
        rejectUnauthorized: false,
        maxVersion,
        agent: false,
        ...client,
      },
      (answer) => {
        let body = '';
        answer.on('data', (data: Buffer) => (body += data.toString()));
        answer.on('end', () => {
          const headers = body.startsWith('{') ? (JSON.parse(body) as { readonly headers: Readonly<Record<string, unknown>> }).headers : {};
          resolve({
            status: answer.statusCode ?? 0,
            cert: headers['x-forwarded-tls-client-cert'],
            info: headers['x-forwarded-tls-client-cert-info'],
          });
        });
      },
    );
    asked.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: /alert|reset|hang up/i.test(error.message) ? 'refused' : error.message }),
    );
    asked.end();
  });
}
