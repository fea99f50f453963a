import { evaluate } from '../../src/compile/evaluate.ts';
import { parseGoUrl } from '../../src/lib/go-url.ts';
import type { EntryPoint } from '../../src/model/entry-point.ts';
import type { Answer, Evaluation, InstanceShare } from '../../src/model/evaluation.ts';
import type { RoutingTable } from '../../src/model/route.ts';
import { fitTable } from '../../src/targets/fit.ts';
import type { RenderSettings, Target } from '../../src/targets/target.ts';
import type { AskedRequest } from '../../src/verify/request.ts';

/** The address of a client that says for whom it asks, and is believed. */
export const TRUSTED_PROXY = '127.0.0.9';

/** One way a request may be answered. */
export interface ExpectedAnswer {
  readonly status: number;
  readonly location?: string;
  /** `address:port` of the instances that may have answered. */
  readonly instances: readonly string[];
  readonly path?: string;
  /** Absent: the address of the instance. */
  readonly host?: string;
  readonly prefix?: string;
}

/** What a proxy does with a request, by the model. */
export function modelOf(table: RoutingTable, request: AskedRequest, target: Target, settings: RenderSettings): Evaluation {
  const { value: fitted } = fitTable(target, table, settings);
  const entryPoint = entryPointOf(settings.entryPoints, request.entryPoint);
  const url = parseGoUrl(request.path);
  if (!url) throw new RangeError(`Cannot ask for ${request.path}`);
  const { trustedProxies } = settings;
  const { host, method, headers, from, sni } = request;
  return evaluate(
    fitted,
    { entryPoint, host, url, method, headers, ip: from, ...(sni !== undefined && { sni }) },
    { proxy: target.reading(settings), trustedProxies },
  );
}

/** The answers that an evaluation allows: the end of each way, and what a middleware may say whose decision is not in the request. */
export function answersOf({ outcomes }: Evaluation, asked: AskedRequest): readonly ExpectedAnswer[] {
  return outcomes.flatMap(({ answer, steps }) => [
    expectedOf(answer, asked),
    ...steps.flatMap(({ effect }) => (effect.kind === 'mayAnswer' ? [{ status: effect.status, instances: [] }] : [])),
    ...(answer.kind === 'forward' && isUntrusted(answer) ? refusedWith(answer).map((status) => ({ status, instances: [] })) : []),
  ]);
}

/** What an instance that is not trusted comes to; where it is checked it is taken out. */
function refusedWith({ backend }: Extract<Answer, { kind: 'forward' }>): readonly number[] {
  return backend.healthCheck ? [502, 500, 503] : [502, 500];
}

/** The proxy does not trust the certificates of our echo programs unless it is told not to look. */
function isUntrusted({ backend }: Extract<Answer, { kind: 'forward' }>): boolean {
  return !backend.transport.skipVerify && backend.endpoints.some(({ protocol }) => protocol === 'https');
}

function expectedOf(answer: Answer, asked: AskedRequest): ExpectedAnswer {
  switch (answer.kind) {
    case 'respond':
      return { status: answer.status, instances: [] };
    case 'redirect':
      return { status: answer.status, location: answer.location, instances: [] };
    case 'connect':
      // our echo programs speak no TLS
      return answer.tls === 'passthrough'
        ? { status: 0, instances: [] }
        : { status: 200, instances: addressesOf(answer.instances), path: asked.path, host: asked.host };
    case 'forward': {
      const prefix = answer.headers.find(({ name }) => name === 'X-Forwarded-Prefix')?.value;
      return {
        status: 200,
        instances: addressesOf(answer.instances),
        path: answer.target,
        ...(answer.host !== undefined && { host: answer.host }),
        ...(prefix !== undefined && { prefix }),
      };
    }
    default:
      throw new TypeError(`Cannot expect an answer: ${JSON.stringify(answer satisfies never)}`);
  }
}

function addressesOf(instances: readonly InstanceShare[]): readonly string[] {
  return instances.map(({ endpoint }) => `${endpoint.address}:${endpoint.port}`);
}

function entryPointOf(entryPoints: readonly EntryPoint[], name: string): EntryPoint {
  const found = entryPoints.find((entryPoint) => entryPoint.name === name);
  if (!found) throw new RangeError(`Cannot ask at ${name}: there is no such entry point`);
  return found;
}
