import { pino } from 'pino';

/** Severity of a log line: info = state changed, warn = degraded, error = a human must act. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Structured logging: a constant message and fields. Only the edges of the program log. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** A log whose lines all carry `fields`. */
  child(fields: object): Log;
}

/** JSON lines on stderr with `time` (RFC 3339), `level` (word) and `msg`. Written at once, no worker. */
export function openLog(options: { readonly level: LogLevel | 'silent'; readonly version: string }): Log {
  const { level, version } = options;
  const destination = pino.destination({ fd: 2, sync: true });
  // a terminal that was closed takes no line, and must not end the program
  destination.on('error', () => undefined);
  return pino(
    {
      level,
      base: { app: 'hind-proxy', version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
}

/** A log that says nothing, for tests and pure views. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silentLog };
