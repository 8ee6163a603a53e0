import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.h2.H2Backend;
import java.net.InetSocketAddress;

/** A server that speaks MongoDB's wire protocol: `java -cp 'lib/*' Main.java FILE PORT`. Port 0: a free one. Says `port N`, ends with stdin. */
class Main {
  public static void main(String[] args) throws Exception {
    MongoServer server = new MongoServer(new H2Backend(args[0]));
    InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[1]));
    server.bind(address);
    System.out.println("port " + server.getLocalAddress().getPort());
    System.out.flush();
    while (System.in.read() != -1);
    server.shutdown();
    System.exit(0);
  }
}
