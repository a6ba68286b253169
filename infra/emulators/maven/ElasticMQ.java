import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import org.elasticmq.NodeAddress;
import org.elasticmq.rest.sqs.SQSRestServerBuilder;

/** Arguments: port, folder of the data (not used). See program in emulators.go. */
class ElasticMQ {
    public static void main(String[] args) {
        try {
            serve(Integer.parseInt(args[0]));
            Runtime.getRuntime().halt(0);
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1); // the threads of a server that did not start would go on
        }
    }

    private static void serve(int asked) throws IOException {
        int port = asked;
        if (port == 0) {
            // The queue URLs are made of the port that was asked for, so it must be a real one.
            try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                port = probe.getLocalPort();
            }
        }
        SQSRestServerBuilder.withInterface("127.0.0.1")
            .withPort(port)
            .withServerAddress(new NodeAddress("http", "127.0.0.1", port, ""))
            .withAWSRegion("eu-central-1")
            .withAWSAccountId("000000000000")
            .start()
            .waitUntilStarted();
        System.out.println("http://127.0.0.1:" + port);
        while (System.in.read() >= 0) {
            // until whoever started this ends
        }
    }
}
