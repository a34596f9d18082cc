/**
 * What all batches of one request may take together. Kafka has no such bound: one request could keep a core busy for hours, or fill the heap with
 * what is wrong with its records.
 */
export class AppendAllowance {
  constructor(
    /** Of who has sent it: large batches of one address take turns with those of others. */
    readonly address = '',
    /** So much content of large compressed batches is read. */
    public unpackedBytes = 2 ** 33,
    /**
     * So many refused records are named, and one of each batch in any case: a few kilobytes may hold millions of records, and Kafka's answer has a
     * sentence for each. To the producer, a record that is not named was refused with its batch.
     */
    public recordErrors = 1000,
  ) {}
}
