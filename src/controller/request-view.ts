import { evaluate } from '../compile/evaluate.ts';
import { requestUri } from '../lib/go-url.ts';
import { describeMatch } from '../model/describe.ts';
import type { Answer, Effect, Evaluation, Outcome, RouteTrial } from '../model/evaluation.ts';
import type { HeaderValue } from '../model/middleware.ts';
import { endpointKey } from '../model/pool.ts';
import type { ProxyRequest } from '../model/request.ts';
import { readAskedUrl, requestsOf, type AskedRequest } from './asked-url.ts';
import type { Scene } from './scene.ts';

/** What `/v1/test` says: one request, the routes that were asked for it, and what becomes of it. */
export interface TestView {
  readonly proxy: string;
  readonly request: {
    readonly entrypoint: string;
    readonly scheme: 'http' | 'https' | 'tcp' | 'udp';
    readonly method: string;
    readonly host: string;
    /** Path and query. */
    readonly path: string;
    readonly ip: string;
  };
  /** The route that answers; absent where none does. */
  readonly route?: string;
  /** The routes in rank order up to the one that answers. */
  readonly tried: readonly TrialView[];
  /** How many more were asked, all of them for other hosts or entry points. */
  readonly passed: number;
  /** What becomes of the request; several ways only where services share a route and differ in their options. */
  readonly outcomes: readonly OutcomeView[];
}

/** One route that was asked. */
export interface TrialView {
  readonly id: string;
  readonly priority: number;
  readonly match: string;
  readonly services: readonly string[];
  readonly answers: boolean;
  /** The part of the match that does not hold. */
  readonly part?: string;
  readonly wanted?: string;
  readonly found?: string;
}

/** One way that such requests go. */
export interface OutcomeView {
  /** 0–1 */
  readonly share: number;
  readonly middlewares: readonly { readonly kind: string; readonly does: string; readonly status?: number }[];
  readonly answer: AnswerView;
}

/** What becomes of a request in the end. */
export type AnswerView =
  | {
      readonly kind: 'forward';
      readonly backend: string;
      readonly balancing: string;
      readonly instances: readonly AnsweringInstance[];
      readonly path: string;
      /** Absent: the address of the instance. */
      readonly host?: string;
      readonly headers: readonly HeaderValue[];
    }
  | {
      readonly kind: 'connect';
      readonly backend: string;
      readonly balancing: string;
      readonly instances: readonly AnsweringInstance[];
      /** What becomes of the TLS of the connection. */
      readonly tls?: string;
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'respond'; readonly status: number; readonly reason: string };

/** An instance that may answer, and its share of the requests, 0–1. */
export interface AnsweringInstance {
  readonly address: string;
  readonly port: number;
  readonly protocol: string;
  readonly share: number;
  readonly service?: string;
  readonly instance?: string;
}

/** Tables up to this size are told route by route; of larger ones only what is asked for the request's own host. */
const TOLD_WHOLE = 50;

/** What the proxy would do with one request; nothing is sent. Throws `RangeError` where the request cannot be read. */
export function testView(scene: Scene, { url, ...asked }: AskedRequest & { readonly url: string }): TestView {
  const [request] = requestsOf(readAskedUrl(url), asked, scene.entryPoints);
  if (!request) throw new RangeError(`Cannot ask for "${url}": no entry point takes it`);
  return requestView(scene, request, evaluate(scene.fitted, request, scene.context));
}

/** An evaluation as it is shown. */
export function requestView(scene: Scene, request: ProxyRequest, evaluation: Evaluation): TestView {
  const { entryPoint, method, host, url, ip } = request;
  const { asked, route, outcomes } = evaluation;
  const told = asked.length <= TOLD_WHOLE ? asked : asked.filter(isNear);
  const instances = instancesByAddress(scene, route?.services ?? []);
  return {
    proxy: scene.proxy.server,
    request: {
      entrypoint: entryPoint.name,
      scheme: entryPoint.protocol === 'http' ? (entryPoint.tls ? 'https' : 'http') : entryPoint.protocol,
      method,
      host,
      path: requestUri(url),
      ip,
    },
    ...(route && { route: route.id }),
    tried: told.map(trialView),
    passed: asked.length - told.length,
    outcomes: outcomes.map((outcome) => outcomeView(outcome, instances)),
  };
}

/** What a middleware does with a request, as a sentence. */
function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case 'nothing':
      return `does nothing: ${effect.why}`;
    case 'path':
      return `changes the path ${effect.from} to ${effect.to}`;
    case 'headers':
      return [
        ...effect.request.map((header) => headerText(header, 'request')),
        ...effect.response.map((header) => headerText(header, 'answer')),
      ].join(', ');
    case 'answers':
      return `answers ${effect.status}: ${effect.why}`;
    case 'redirects':
      return `answers ${effect.status} with ${effect.location}`;
    case 'mayAnswer':
      return `answers ${effect.status} where ${effect.when}`;
    case 'does':
      return effect.what;
    default:
      throw new TypeError(`Cannot describe an effect: ${JSON.stringify(effect satisfies never)}`);
  }
}

function headerText({ name, value }: HeaderValue, of: 'request' | 'answer'): string {
  return value === '' ? `removes ${name} from the ${of}` : `sets ${name}: ${value} on the ${of}`;
}

function isNear({ failure }: RouteTrial): boolean {
  return failure === undefined || !['host', 'entryPoint', 'protocol'].includes(failure.part);
}

function trialView({ route, failure }: RouteTrial): TrialView {
  const { id, rank, services } = route;
  return { id, priority: rank, match: describeMatch(route), services, answers: failure === undefined, ...failure };
}

function outcomeView({ share, steps, answer }: Outcome, instances: InstanceNames): OutcomeView {
  return {
    share,
    middlewares: steps.map(({ middleware, effect }) => ({
      kind: middleware.kind,
      does: describeEffect(effect),
      ...('status' in effect && { status: effect.status }),
    })),
    answer: answerView(answer, instances),
  };
}

function answerView(answer: Answer, names: InstanceNames): AnswerView {
  if (answer.kind !== 'forward' && answer.kind !== 'connect') return answer;
  const { backend, instances } = answer;
  const pool = {
    backend: backend.id,
    balancing: backend.sticky ? `${backend.loadBalancing}, sticky` : backend.loadBalancing,
    instances: instances.map(({ endpoint: { address, port, protocol }, share }) => ({
      address,
      port,
      protocol,
      share,
      ...names.get(endpointKey({ address, port })),
    })),
  };
  if (answer.kind === 'connect') return { kind: 'connect', ...pool, ...(answer.tls && { tls: answer.tls }) };
  const { target, host, headers } = answer;
  return { kind: 'forward', ...pool, path: target, ...(host !== undefined && { host }), headers };
}

type InstanceNames = ReadonlyMap<string, { readonly service: string; readonly instance: string }>;

/** Which instance stands behind an address, by what its tags make of it; of several at one address one of the services of the route. */
function instancesByAddress({ readings, counted }: Scene, services: readonly string[]): InstanceNames {
  const registered = counted.map(({ instance }) => [instance, instance] as const);
  const asked = readings.flatMap(({ instance, intents }) => intents.map(({ endpoint }) => [endpoint, instance] as const));
  const names = [...registered, ...asked].map(
    ([endpoint, { service, instance }]) => [endpointKey(endpoint), { service, instance }] as const,
  );
  return new Map([...names, ...names.filter(([, { service }]) => services.includes(service))]);
}
