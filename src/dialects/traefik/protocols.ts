import type { TagSpan } from '../../model/diagnostic.ts';
import type { Definition, SidePool, TagReading } from '../../model/intent.ts';
import { normalisedName, parseLink, type Context } from './context.ts';
import { itemsOf } from './items.ts';
import type { NamedSection } from './label-table.ts';
import { createMiddlewares, createTcpMiddlewares, NO_MIDDLEWARES, type Middlewares } from './middlewares/lists.ts';
import type { Entry } from './read-labels.ts';
import { readTcpRouter, readUdpRouter } from './routers/connections.ts';
import { readHttpRouter } from './routers/http.ts';
import { SERVICE_PREFIX } from './routers/link.ts';
import { readTcpService, readUdpService } from './services/connections.ts';
import { readHttpService } from './services/http.ts';
import { implicitService, type ServiceReading } from './services/reading.ts';

/** What the labels of one enabled instance declare. */
export interface Declared {
  readonly context: Context;
  readonly entries: readonly Entry[];
  /** The sections that any label is about, also where its name is refused. */
  readonly mentioned: ReadonlySet<NamedSection>;
  /** The instance is a canary, whose own service nobody else means by its name. */
  readonly isCanary: boolean;
  /** Where to point when no label says it. */
  readonly span: TagSpan;
}

const NOTHING: TagReading = { intents: [], definitions: [] };

/**
 * HTTP, which an instance speaks unless its labels are about tcp or udp alone. Without a router Traefik makes one for the only service
 * (traefik/traefik:pkg/provider/configuration.go BuildRouterConfiguration).
 */
export function readHttp({ context, entries, mentioned, isCanary, span }: Declared): TagReading {
  const isAbout = (...sections: readonly NamedSection[]): boolean => sections.some((section) => mentioned.has(section));
  const isOther = isAbout('tcp.routers', 'tcp.services', 'udp.routers', 'udp.services');
  if (isOther && !isAbout('http.routers', 'http.services', 'http.middlewares')) return NOTHING;
  const declared = new Map(
    [...itemsOf(entries, 'http.services', context.tell)].map(([key, item]) => [key, readHttpService(item, context)]),
  );
  const services = withImplicit(declared, 'http', context);
  const poolOf = (name: string): SidePool | undefined => sidePool(name, services, context);
  const middlewares = createMiddlewares(itemsOf(entries, 'http.middlewares', context.tell), { ...context, poolOf });
  const routers = [...itemsOf(entries, 'http.routers', context.tell).values()];
  const hasDefault = !mentioned.has('http.routers') && services.size === 1;
  const tools = { context, services, middlewares, span };
  const intents = (hasDefault ? [undefined] : routers).flatMap((router) => readHttpRouter(router, tools));
  const own = isCanary ? declared : services;
  return { intents, definitions: [...middlewares.definitions, ...definitionsOf(own, { prefix: SERVICE_PREFIX.http, middlewares, span })] };
}

/** TCP routers and services. */
export function readTcp({ context, entries, mentioned, isCanary, span }: Declared): TagReading {
  const middlewares = createTcpMiddlewares(itemsOf(entries, 'tcp.middlewares', context.tell), context);
  if (!mentioned.has('tcp.routers') && !mentioned.has('tcp.services')) return { intents: [], definitions: middlewares.definitions };
  const declared = new Map([...itemsOf(entries, 'tcp.services', context.tell)].map(([key, item]) => [key, readTcpService(item, context)]));
  const services = withImplicit(declared, 'tcp', context);
  const tools = { context, services, middlewares, span };
  const intents = [...itemsOf(entries, 'tcp.routers', context.tell).values()].flatMap((router) => readTcpRouter(router, tools));
  const own = isCanary ? declared : services;
  return { intents, definitions: [...middlewares.definitions, ...definitionsOf(own, { prefix: SERVICE_PREFIX.tcp, middlewares, span })] };
}

/** UDP routers and services. */
export function readUdp({ context, entries, mentioned, isCanary, span }: Declared): TagReading {
  if (!mentioned.has('udp.routers') && !mentioned.has('udp.services')) return NOTHING;
  const declared = new Map([...itemsOf(entries, 'udp.services', context.tell)].map(([key, item]) => [key, readUdpService(item, context)]));
  const services = withImplicit(declared, 'udp', context);
  const tools = { context, services, middlewares: NO_MIDDLEWARES, span };
  const intents = [...itemsOf(entries, 'udp.routers', context.tell).values()].map((router) => readUdpRouter(router, tools));
  const own = isCanary ? declared : services;
  return { intents, definitions: definitionsOf(own, { prefix: SERVICE_PREFIX.udp, middlewares: NO_MIDDLEWARES, span }) };
}

type Services = ReadonlyMap<string, ServiceReading>;

/** The services that labels declare, or the one that every instance has. */
function withImplicit(declared: Services, protocol: 'http' | 'tcp' | 'udp', context: Context): Services {
  if (declared.size > 0) return declared;
  const name = normalisedName(context.instance);
  return new Map([[name.toLowerCase(), implicitService(name, protocol, context)]]);
}

function definitionsOf(
  services: Services,
  { prefix, middlewares, span }: { readonly prefix: string; readonly middlewares: Middlewares; readonly span: TagSpan },
): readonly Definition[] {
  return [...services.values()].map((service): Definition => {
    const own = middlewares.list(service.middlewares);
    const fault = service.fault ?? own.fault;
    return {
      kind: 'service',
      name: `${prefix}${service.name}`,
      span: service.spans[0] ?? span,
      ...service.member,
      ...(service.declared !== undefined && { declared: service.declared }),
      ...(own.middlewares.length > 0 && { middlewares: own.middlewares }),
      ...(service.spans.length === 0 && { implicit: true }),
      ...(fault && { fault }),
    };
  });
}

/** The pool of one of the labels' own services, under a name that no other service's pool has. */
function sidePool(name: string, services: Services, { instance }: Context): SidePool | undefined {
  const link = parseLink(name);
  const found = link.scope === 'labels' ? services.get(link.name.toLowerCase()) : undefined;
  return found && { ...found.member, name: `${instance.service} ${link.name.toLowerCase()}` };
}
