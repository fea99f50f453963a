/** A check as Consul prints it, as far as anything here looks at it. */
export interface FakeCheck {
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  /** Empty: a check of the node. */
  readonly ServiceID: string;
}

/** A row of `/v1/health/service/:name`. */
export interface FakeRow {
  readonly Node: { readonly Node: string; readonly Address: string; readonly Datacenter: string };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Tags: readonly string[];
    readonly Address: string;
    readonly Meta: Readonly<Record<string, string>> | null;
    /** Consul leaves a port 0 out. */
    readonly Port?: number;
    readonly Weights: { readonly Passing: number; readonly Warning: number };
    readonly ModifyIndex: number;
  };
  readonly Checks: readonly FakeCheck[];
}

/** What a request may say of an instance, as `/v1/agent/service/register` takes it. */
export interface FakeRegistration {
  readonly Name: string;
  readonly ID?: string;
  readonly Port?: number;
  readonly Tags?: readonly string[];
  readonly Address?: string;
  readonly Meta?: Readonly<Record<string, string>>;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly Check?: { readonly CheckID?: string; readonly Name?: string; readonly Status?: string };
}

/** What the servers of a datacenter know. Every write that changes something moves one index. */
export interface FakeState {
  readonly index: number;
  /** That of `/v1/catalog/services`. */
  readonly listIndex: number;
  /** That of one service, whatever the case of its name; for one that never was, that of a fresh agent. */
  indexOf(name: string): number;
  rowsOf(name: string): readonly FakeRow[];
  allRows(): readonly FakeRow[];
  /** What `PATH?QUERY` with PUT does; its status and text, undefined where there is no such path. */
  put(path: string, query: URLSearchParams, body: unknown): readonly [number, string] | undefined;
  /** Moves the index of the list, or of a service, without any other change. */
  touch(name?: string): void;
}

interface Node {
  readonly name: string;
  readonly address: string;
  readonly checks: Map<string, FakeCheck>;
  readonly services: Map<string, FakeRow['Service'] & { readonly checks: ReadonlyMap<string, FakeCheck> }>;
}

/** What a fresh agent's first reads say. */
const FIRST_INDEX = 11;
const OWN_NODE = 'node-a';

/** The state of a fresh dev agent: itself. */
export function createFakeState(): FakeState {
  const nodes = new Map<string, Node>([[OWN_NODE, nodeOf(OWN_NODE, '127.0.0.1')]]);
  const indexes = new Map<string, number>();
  let [index, listIndex] = [FIRST_INDEX, FIRST_INDEX];
  const own = (): Node => nodes.get(OWN_NODE) ?? nodeOf(OWN_NODE, '127.0.0.1');
  own().checks.set('serfHealth', { CheckID: 'serfHealth', Name: 'Serf Health Status', Status: 'passing', ServiceID: '' });
  register(own(), { Name: 'consul', ID: 'consul', Port: 8300 });
  [index, listIndex] = [FIRST_INDEX, FIRST_INDEX];
  indexes.clear();

  return {
    get index() {
      return index;
    },
    get listIndex() {
      return listIndex;
    },
    indexOf: (name) => indexes.get(name.toLowerCase()) ?? FIRST_INDEX,
    rowsOf: (name) => allRows().filter(({ Service: service }) => service.Service.toLowerCase() === name.toLowerCase()),
    allRows,
    put(path, query, body) {
      const [, kind = '', what = '', verb = '', id = ''] = /^\/v1\/(agent|catalog|kv)\/([^/]+)(?:\/([^/]+))?(?:\/(.+))?$/.exec(path) ?? [];
      if (kind === 'kv') index += 1;
      const done = kind === 'kv' || write([kind, what, verb].filter((part) => part !== '').join('/'), { id, query, body });
      if (done === undefined) return undefined;
      return typeof done === 'string' ? [400, done] : [200, kind === 'agent' ? '' : 'true'];
    },
    touch(name) {
      index += 1;
      if (name === undefined) listIndex = index;
      else indexes.set(name.toLowerCase(), index);
    },
  };

  /** True: done; a text: why not; undefined: there is no such path. */
  function write(
    what: string,
    { id, query, body }: { readonly id: string; readonly query: URLSearchParams; readonly body: unknown },
  ): true | string | undefined {
    switch (what) {
      case 'agent/service/register':
        return register(own(), body as FakeRegistration);
      case 'agent/service/deregister':
        return deregister(own(), id);
      case 'agent/service/maintenance':
        return maintain({ node: own(), service: id, isOn: query.get('enable') === 'true' });
      case 'agent/maintenance':
        return maintain({ node: own(), service: '', isOn: query.get('enable') === 'true' });
      case 'agent/check/register':
        return nodeCheck(body as { readonly ID: string; readonly Name: string; readonly Status?: string });
      case 'agent/check/deregister':
        return change(own(), '', (checks) => checks.delete(id));
      case 'agent/check/pass':
      case 'agent/check/warn':
      case 'agent/check/fail':
        return setStatus(id, { pass: 'passing', warn: 'warning', fail: 'critical' }[what.slice('agent/check/'.length)] ?? '');
      case 'catalog/register':
        return registerNode(body as CatalogRegistration);
      case 'catalog/deregister':
        return forgetNode((body as { readonly Node: string }).Node);
      default:
        return undefined;
    }
  }

  function allRows(): readonly FakeRow[] {
    return [...nodes.values()].flatMap(({ name, address, checks: ofNode, services }) =>
      [...services.values()].map(({ checks, Port: port, ...service }) => ({
        Node: { Node: name, Address: address, Datacenter: 'dc1' },
        Service: { ...service, ...(port !== undefined && port !== 0 && { Port: port }) },
        Checks: [...ofNode.values(), ...checks.values()],
      })),
    );
  }

  function register(node: Node, wanted: FakeRegistration): true | string {
    const { Name: name, ID: id = name, Address: address = '', Check: check } = wanted;
    if (['0.0.0.0', '::', '[::]'].includes(address)) return 'Invalid service address';
    const before = node.services.get(id);
    const service = {
      ID: id,
      Service: name,
      Tags: wanted.Tags ?? [],
      Address: address,
      Meta: wanted.Meta ?? null,
      Port: wanted.Port ?? 0,
      Weights: wanted.Weights ?? { Passing: 1, Warning: 1 },
      checks: new Map<string, FakeCheck>(),
    };
    if (check) {
      const { CheckID: checkId = `service:${id}`, Name: checkName = '', Status: status = 'critical' } = check;
      const present = before?.checks.get(checkId);
      service.checks.set(checkId, present ?? { CheckID: checkId, Name: checkName, Status: status, ServiceID: id });
    }
    if (before && JSON.stringify({ ...before, ModifyIndex: 0 }) === JSON.stringify({ ...service, ModifyIndex: 0 })) return true;
    moved([name, ...(before ? [before.Service] : [])], { isListed: true });
    node.services.set(id, { ...service, ModifyIndex: index });
    return true;
  }

  function deregister(node: Node, id: string): true {
    const service = node.services.get(id);
    if (!service) return true;
    node.services.delete(id);
    moved([service.Service], { isListed: true });
    return true;
  }

  function maintain({ node, service, isOn }: { readonly node: Node; readonly service: string; readonly isOn: boolean }): true {
    const id = service === '' ? '_node_maintenance' : `_service_maintenance:${service}`;
    return change(node, service, (checks) => {
      if (isOn) checks.set(id, { CheckID: id, Name: 'Maintenance Mode', Status: 'critical', ServiceID: service });
      else checks.delete(id);
    });
  }

  function nodeCheck({
    ID: id,
    Name: name,
    Status: status = 'critical',
  }: {
    readonly ID: string;
    readonly Name: string;
    readonly Status?: string;
  }): true {
    return change(own(), '', (checks) => checks.set(id, { CheckID: id, Name: name, Status: status, ServiceID: '' }));
  }

  function setStatus(checkId: string, status: string): true {
    const holder = [...own().services.values()].find(({ checks }) => checks.has(checkId));
    const check = holder?.checks.get(checkId) ?? own().checks.get(checkId);
    if (!check || check.Status === status) return true;
    return change(own(), holder?.ID ?? '', (checks) => checks.set(checkId, { ...check, Status: status }));
  }

  /** Changes the checks of a service, or of the node: then all its services change. */
  function change(node: Node, serviceId: string, edit: (checks: Map<string, FakeCheck>) => void): true {
    const service = node.services.get(serviceId);
    if (serviceId === '') edit(node.checks);
    else if (service) {
      const checks = new Map(service.checks);
      edit(checks);
      node.services.set(serviceId, { ...service, checks });
    }
    const touched = serviceId === '' ? [...node.services.values()] : service ? [service] : [];
    moved(
      touched.map(({ Service: name }) => name),
      { isListed: false },
    );
    return true;
  }

  function registerNode({ Node: name, Address: address, Service: service, Checks: checks = [] }: CatalogRegistration): true {
    const before = nodes.get(name);
    const node = { ...(before ?? nodeOf(name, address)), address };
    nodes.set(name, node);
    for (const { CheckID: id, Name: label, Status: status } of checks)
      node.checks.set(id, { CheckID: id, Name: label, Status: status, ServiceID: '' });
    if (service) register(node, { Name: service.Service, ...service });
    if (before && before.address !== address)
      moved(
        [...node.services.values()].map(({ Service: own }) => own),
        { isListed: false },
      );
    return true;
  }

  function forgetNode(name: string): true {
    const gone = [...(nodes.get(name)?.services.values() ?? [])].map(({ Service: service }) => service);
    nodes.delete(name);
    moved(gone, { isListed: true });
    return true;
  }

  function moved(names: readonly string[], { isListed }: { readonly isListed: boolean }): void {
    index += 1;
    if (isListed) listIndex = index;
    for (const name of names) indexes.set(name.toLowerCase(), index);
  }
}

interface CatalogRegistration {
  readonly Node: string;
  readonly Address: string;
  readonly Service?: Omit<FakeRegistration, 'Name'> & { readonly Service: string };
  readonly Checks?: readonly { readonly CheckID: string; readonly Name: string; readonly Status: string }[];
}

function nodeOf(name: string, address: string): Node {
  return { name, address, checks: new Map(), services: new Map() };
}
