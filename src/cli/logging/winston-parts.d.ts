// Inner modules of winston and logform, which come without types of their own.
declare module 'winston/lib/winston/create-logger' {
  import { createLogger } from 'winston';
  export default createLogger;
}
declare module 'winston/lib/winston/transports/stream' {
  import { transports } from 'winston';
  export default transports.Stream;
}
declare module 'logform/printf' {
  import type { format } from 'logform';
  const printf: typeof format.printf;
  export default printf;
}
