// JAXB and Jackson: XML validated against the schema while it is unmarshalled, then JSON; and back, validated while it
// is marshalled. What can be kept is made once; SAX, because it was a third quicker than StAX. Answers the lines of protocol.py.

import com.fasterxml.jackson.annotation.JsonAutoDetect.Visibility;
import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.PropertyAccessor;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.xml.XMLConstants;
import javax.xml.bind.JAXBContext;
import javax.xml.bind.Marshaller;
import javax.xml.bind.Unmarshaller;
import javax.xml.parsers.SAXParserFactory;
import javax.xml.transform.sax.SAXSource;
import javax.xml.validation.Schema;
import javax.xml.validation.SchemaFactory;
import org.xml.sax.InputSource;
import org.xml.sax.XMLReader;

public final class Peer {
    interface Work {
        byte[] on(byte[] body) throws Exception;
    }

    private static final int WARMING = 20;

    private final Class<?> root;
    private final XMLReader reader;
    private final Unmarshaller unmarshaller;
    private final Marshaller marshaller;
    private final ObjectMapper mapper = new ObjectMapper();
    private final Path folder;
    private final Map<String, Work> steps = new HashMap<>();
    private final Map<String, List<byte[]>> inputs = new HashMap<>();

    private Peer(Path folder, String root) throws Exception {
        this.folder = folder;
        this.root = Class.forName(root);
        SchemaFactory factory = SchemaFactory.newInstance(XMLConstants.W3C_XML_SCHEMA_NS_URI);
        Schema schema = factory.newSchema(new File(folder.toFile(), "xsd/DEC.xsd"));
        JAXBContext context = JAXBContext.newInstance(this.root);
        SAXParserFactory parsers = SAXParserFactory.newInstance();
        parsers.setNamespaceAware(true);
        parsers.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        reader = parsers.newSAXParser().getXMLReader();
        unmarshaller = context.createUnmarshaller();
        unmarshaller.setSchema(schema);
        marshaller = context.createMarshaller();
        marshaller.setSchema(schema);
        mapper.setVisibility(PropertyAccessor.ALL, Visibility.NONE);
        mapper.setVisibility(PropertyAccessor.FIELD, Visibility.ANY);
        mapper.setSerializationInclusion(JsonInclude.Include.NON_NULL);
        mapper.enable(JsonGenerator.Feature.WRITE_BIGDECIMAL_AS_PLAIN);
        steps.put("to-json", this::toJson);
        steps.put("to-xml", this::toXml);
    }

    private byte[] toJson(byte[] body) throws Exception {
        InputSource source = new InputSource(new ByteArrayInputStream(body));
        Object document = unmarshaller.unmarshal(new SAXSource(reader, source));
        return mapper.writeValueAsBytes(document);
    }

    private byte[] toXml(byte[] body) throws Exception {
        Object document = mapper.readValue(body, root);
        ByteArrayOutputStream out = new ByteArrayOutputStream(8192);
        marshaller.marshal(document, out);
        return out.toByteArray();
    }

    private Object load(String which) throws Exception {
        List<byte[]> samples = new ArrayList<>();
        List<byte[]> made = new ArrayList<>();
        List<Path> files;
        try (Stream<Path> found = Files.list(folder.resolve(which))) {
            files = found.filter(file -> file.toString().endsWith(".xml")).sorted().collect(Collectors.toList());
        }
        for (Path file : files) {
            samples.add(Files.readAllBytes(file));
            made.add(toJson(samples.get(samples.size() - 1)));
        }
        inputs.put("to-json", samples);
        inputs.put("to-xml", made);
        return samples.size();
    }

    private Object time(String[] words) throws Exception {
        Work work = steps.get(words[1]);
        List<byte[]> known = inputs.get(words[1]);
        List<byte[]> chosen = new ArrayList<>();
        for (int number = 2; number < words.length; number++) {
            chosen.add(known.get(Integer.parseInt(words[number])));
        }
        long bytes = 0;
        for (int number = 0; number < Math.min(WARMING, chosen.size() / 2); number++) {
            bytes += work.on(chosen.get(number)).length;
        }
        long start = nanos();
        for (byte[] body : chosen) {
            bytes += work.on(body).length;
        }
        double seconds = (nanos() - start) / 1e9;
        if (bytes == 0) {
            throw new IllegalStateException("nothing was written");
        }
        return seconds;
    }

    // Processor time of the thread that works, and what the collector took meanwhile.
    private static long nanos() {
        long collected = 0;
        for (GarbageCollectorMXBean collector : ManagementFactory.getGarbageCollectorMXBeans()) {
            collected += collector.getCollectionTime();
        }
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime() + collected * 1_000_000;
    }

    private Object answer(String line) {
        String[] words = line.trim().split("\\s+");
        try {
            switch (words[0]) {
                case "load":
                    return load(words[1]);
                case "time":
                    return time(words);
                case "show":
                    byte[] body = inputs.get(words[1]).get(Integer.parseInt(words[2]));
                    return Base64.getEncoder().encodeToString(steps.get(words[1]).on(body));
                default:
                    return "error: there is no " + words[0];
            }
        } catch (Exception error) {
            return ("error " + error).replace('\n', ' ');
        }
    }

    public static void main(String[] arguments) throws Exception {
        PrintStream answers = System.out;
        System.setOut(System.err);
        Peer peer = new Peer(Path.of(arguments[0]), arguments[1]);
        answers.println("ready");
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            answers.println(peer.answer(line));
            answers.flush();
        }
    }
}
