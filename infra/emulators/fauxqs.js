// Arguments: port, folder of the data (not used). See program in emulators.go.
const [port] = process.argv.slice(-2)
import('fauxqs').then(async ({ buildApp }) => {
  const app = buildApp({ logger: false, defaultRegion: 'eu-central-1' })
  console.log(await app.listen({ port: Number(port), host: '127.0.0.1' }))
})
process.stdin.on('end', () => process.exit()).resume()
