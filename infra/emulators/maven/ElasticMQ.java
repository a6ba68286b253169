import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.Map;
import org.elasticmq.NodeAddress;
import org.elasticmq.rest.sqs.SQSRestServerBuilder;
import org.elasticmq.server.ElasticMQServer;
import org.elasticmq.server.config.ElasticMQServerConfig;

/** Arguments: port, folder of the data. See program in emulators.go. */
class ElasticMQ {
    private static final String HOST = "127.0.0.1";
    private static final String REGION = "eu-central-1";
    private static final String ACCOUNT = "000000000000";

    public static void main(String[] args) {
        try {
            int port = real(Integer.parseInt(args[0]));
            if (args.length > 1 && !args[1].isEmpty()) {
                keeping(port, args[1]);
            } else {
                forgetting(port);
            }
            System.out.println("http://" + HOST + ":" + port);
            while (System.in.read() >= 0) {
                // until whoever started this ends
            }
            Runtime.getRuntime().halt(0);
        } catch (Throwable t) {
            t.printStackTrace();
            Runtime.getRuntime().halt(1); // the threads of a server that did not start would go on
        }
    }

    /** The queue URLs are made of the port that was asked for, so it must be a real one. */
    private static int real(int asked) throws IOException {
        if (asked != 0) {
            return asked;
        }
        try (ServerSocket probe = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return probe.getLocalPort();
        }
    }

    private static void forgetting(int port) {
        SQSRestServerBuilder.withInterface(HOST)
            .withPort(port)
            .withServerAddress(new NodeAddress("http", HOST, port, ""))
            .withAWSRegion(REGION)
            .withAWSAccountId(ACCOUNT)
            .start()
            .waitUntilStarted();
    }

    /** Every change is on the disk when it is answered, so that a kill loses none. */
    private static void keeping(int port, String folder) {
        Config config = ConfigFactory.parseMap(Map.ofEntries(
            Map.entry("node-address.host", HOST),
            Map.entry("node-address.port", port),
            Map.entry("generate-node-address", false),
            Map.entry("rest-sqs.bind-hostname", HOST),
            Map.entry("rest-sqs.bind-port", port),
            Map.entry("rest-stats.enabled", false),
            Map.entry("aws.region", REGION),
            Map.entry("aws.accountId", ACCOUNT),
            Map.entry("messages-storage.enabled", true),
            Map.entry("messages-storage.uri", "jdbc:h2:file:" + folder + "/queues;WRITE_DELAY=0")));
        new ElasticMQServer(new ElasticMQServerConfig(config.withFallback(ConfigFactory.load()))).start();
    }
}
