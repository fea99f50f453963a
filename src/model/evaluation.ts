import type { HeaderValue, Middleware } from './middleware.ts';
import type { Backend, Endpoint } from './pool.ts';
import type { RespondReason, Route, TcpTls } from './route.ts';

/** The part of a match that does not hold, what it asks for and what the request has. */
export interface MatchFailure {
  readonly part: 'protocol' | 'entryPoint' | 'host' | 'port' | 'path' | 'condition' | 'target';
  readonly wanted: string;
  readonly found: string;
}

/** One route that was asked. Without a failure it is the one that answers. */
export interface RouteTrial {
  readonly route: Route;
  readonly failure?: MatchFailure;
}

/** What one middleware does with the request. */
export type Effect =
  | { readonly kind: 'nothing'; readonly why: string }
  | { readonly kind: 'path'; readonly from: string; readonly to: string }
  /** Headers that the instance gets, or loses where the value is empty; then those of the answer. */
  | { readonly kind: 'headers'; readonly request: readonly HeaderValue[]; readonly response: readonly HeaderValue[] }
  | { readonly kind: 'answers'; readonly status: number; readonly why: string }
  | { readonly kind: 'redirects'; readonly status: number; readonly location: string }
  /** What decides is not in the request. */
  | { readonly kind: 'mayAnswer'; readonly status: number; readonly when: string }
  | { readonly kind: 'does'; readonly what: string };

/** A middleware of the route that answers, in the order in which they act. */
export interface Step {
  readonly middleware: Middleware;
  readonly effect: Effect;
}

/** An instance and its share of the requests, 0–1. */
export interface InstanceShare {
  readonly endpoint: Endpoint;
  readonly share: number;
}

/** What becomes of the request in the end. */
export type Answer =
  | {
      readonly kind: 'forward';
      readonly backend: Backend;
      readonly instances: readonly InstanceShare[];
      /** Path and query that the instance gets. */
      readonly target: string;
      /** The Host header that the instance gets; absent: its own `address:port`. */
      readonly host?: string;
      /** Headers that the middlewares set or, with an empty value, remove. */
      readonly headers: readonly HeaderValue[];
    }
  /** A connection is handed on as it is, or without its TLS. */
  | { readonly kind: 'connect'; readonly backend: Backend; readonly instances: readonly InstanceShare[]; readonly tls?: TcpTls }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  /** Status 0: a connection without http is closed. `reason`: why a route answers so; `noRoute`: none did; `refused`: its path is refused, by the route or before any; `middleware`: the last step; `certificate`: nobody shows one without TLS. */
  | {
      readonly kind: 'respond';
      readonly status: number;
      readonly reason: RespondReason | 'noRoute' | 'refused' | 'middleware' | 'certificate' | 'loop';
    };

/** One way that requests like this go: all of them, or the share of one part of a split route. */
export interface Outcome {
  readonly share: number;
  readonly steps: readonly Step[];
  readonly answer: Answer;
}

/** What the proxy does with one request, and why. */
export interface Evaluation {
  /** The routes of the table in rank order, up to the one that answers. */
  readonly asked: readonly RouteTrial[];
  readonly route?: Route;
  /** At least one; their shares add up to 1. */
  readonly outcomes: readonly Outcome[];
}
