import { SERVERS, type Server } from '../model/rendered.ts';
import { DIALECTS, type DialectName } from '../model/route.ts';
import { CommandError, EXIT } from './errors.ts';

/** The dialect of a name; `option` is what took it. Throws `CommandError` naming them. */
export function dialectNamed(name: string | undefined, option: string): DialectName {
  const found = DIALECTS.find((dialect) => dialect === name);
  if (found) return found;
  throw new CommandError(`Cannot use ${option} "${name ?? ''}": expected ${DIALECTS.join(', ')}`, EXIT.usage);
}

/** The proxy of a name, in any case; `option` is what took it. Throws `CommandError` naming them. */
export function serverNamed(name: string | undefined, option: string): Server {
  const found = SERVERS.find((server) => server === name?.toLowerCase());
  if (found) return found;
  throw new CommandError(`Cannot use ${option} "${name ?? ''}": expected ${SERVERS.join(' or ')}`, EXIT.usage);
}
