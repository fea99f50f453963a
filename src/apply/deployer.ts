import type { ApplyOutcome } from '../model/generation.ts';
import type { Digest } from '../model/names.ts';
import type { RenderedConfig, Server } from '../model/rendered.ts';

/** What a proxy or its validator says of a configuration that is not applied yet. */
export type CheckOutcome =
  | { readonly kind: 'accepted' }
  | { readonly kind: 'refused'; readonly reason: string; readonly units: readonly string[] }
  /** There is no validator here, or it could not be run. */
  | { readonly kind: 'unchecked'; readonly reason: string };

/** What the running proxy serves. */
export type LiveState =
  | { readonly kind: 'ours'; readonly digest: Digest }
  /** It answers, with a configuration that carries no marker of ours. */
  | { readonly kind: 'foreign'; readonly description: string }
  /** `isSilent`: something takes connections there and does not answer. */
  | { readonly kind: 'down'; readonly reason: string; readonly isSilent?: boolean };

/** What stands where our files go. */
export type DiskState =
  | { readonly kind: 'absent' }
  | { readonly kind: 'ours'; readonly digest: Digest; readonly contents: ReadonlyMap<string, string> }
  | { readonly kind: 'foreign'; readonly contents: ReadonlyMap<string, string> };

/** Gives one proxy its configuration and reads back what it serves. Every call ends by its own deadline or when `signal` aborts; none throws for what the proxy does. */
export interface Deployer {
  readonly server: Server;
  /** Asks the real program whether it would take this, without loading it. */
  check(config: RenderedConfig, signal: AbortSignal): Promise<CheckOutcome>;
  /**
   * Makes it live: checked, staged, loaded, renamed into place, and read back from the running proxy by its digest. Whatever goes
   * wrong, the files on disk are the old valid ones or the new valid ones, and the proxy is given back what `disk()` held before.
   */
  apply(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome>;
  /**
   * The same for a part of what a proxy has refused: one that says nothing of what it refuses is waited for only as long as it may need
   * to take something.
   */
  trial(config: RenderedConfig, signal: AbortSignal): Promise<ApplyOutcome>;
  /** One cheap question to the running proxy. */
  live(signal: AbortSignal): Promise<LiveState>;
  disk(): Promise<DiskState>;
  /** Differs whenever anything differs that the proxy was given, whoever has changed it; undefined where the proxy does not say. Costs as much as it was given. */
  fingerprint(signal: AbortSignal): Promise<string | undefined>;
  /** Whether it takes connections and says nothing; unlike `live` it is answered while the proxy loads. */
  isSilent(signal: AbortSignal): Promise<boolean>;
  /**
   * What a running proxy serves that is not ours and would be gone with the first apply, by where it was read; empty where an apply leaves it
   * alone. Rejects where it cannot be read.
   */
  foreign(signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
  /** The proxy's version, as its binary or API says; undefined when it cannot be asked. */
  version(signal: AbortSignal): Promise<string | undefined>;
}
