// Arguments: port, folder of the data (not used). See program in emulators.go.
const net = require('net')
const { createSqsServer } = require('local-aws-sqs')
const options = { hostname: '127.0.0.1', region: 'eu-central-1', accountId: '000000000000', emulateQueueCreationLifecycle: false }

// The queue URLs are made of the port that was asked for, so it must be a real one.
async function free () {
  const probe = net.createServer()
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  return port
}

async function start (asked) {
  const port = asked || await free()
  await createSqsServer({ ...options, port })
  console.log(`http://127.0.0.1:${port}`)
}

start(Number(process.argv.at(-2)))
process.stdin.on('end', () => process.exit()).resume()
